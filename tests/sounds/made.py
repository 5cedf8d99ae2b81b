"""Sounds made in the test."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import soundfile

RATE = 16_000


def tone(hertz=440.0, seconds=0.5, rate=RATE, seed=0, loudness=0.4):
    """Return a tone with its first overtone, and some noise."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(0, 0.01, len(time))
    wave = np.sin(2 * np.pi * hertz * time) + 0.3 * np.sin(4 * np.pi * hertz * time)
    return (loudness * wave / 1.3 + noise).astype(np.float32)


def stored(samples, kind="WAV", rate=RATE, subtype=None):
    """Return the bytes of a sound's file."""
    file = BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()
