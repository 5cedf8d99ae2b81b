"""The log-mel spectrogram: how loud each band of pitches is, moment by moment.

Sources: Slaney 1998, "Auditory Toolbox" (the scale: linear below 1 kHz, logarithmic above; triangles of equal area);
Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision" (Whisper: 25 ms windows every 10 ms,
eight decades below the loudest are kept). Whisper's own features come out of it (proved by a parity test).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from penjing.sounds.read import RATE, Samples

_LINEAR, _BREAK, _STEP = 200.0 / 3, 1_000.0, np.log(6.4) / 27.0
_QUIETEST = 1e-10
DECADES = 8.0
"""How far below the loudest a value can be."""
Bands = NDArray[np.float32]
"""(bands, moments): logarithms to the base 10 of power."""


def log_mel(samples: Samples, *, bands: int, hop: int, window: int) -> Bands:
    """Return (bands, len(samples) // hop) values, those far below the loudest raised to `DECADES` below it.

    Each looks at `window` samples around its moment; moments are `hop` samples apart.

    >>> log_mel(np.zeros(16_000, np.float32), bands=80, hop=160, window=400).shape
    (80, 100)
    """
    count = len(samples) // hop
    padded = np.pad(samples, window // 2, mode="reflect" if len(samples) > window // 2 else "constant")
    views = np.lib.stride_tricks.sliding_window_view(padded, window)[: count * hop : hop]
    power = np.square(np.abs(np.fft.rfft(views * hann(window), axis=-1)))
    found = np.log10(np.maximum(_in_bands(power, bands, window).T, _QUIETEST))
    quietest = found.max(initial=-np.inf) - DECADES
    return np.asarray(np.maximum(found, quietest), np.float32)


@lru_cache(maxsize=8)
def hann(window: int) -> NDArray[np.float32]:
    """Return the periodic Hann window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Triangles:
    """Where each stretch between two edges begins, and how far up a triangle each frequency is there.

    A frequency lies on the rising side of one triangle and on the falling side of the one before. Sums over stretches
    take a hundredth of the work of a product of matrices, and no threads, which engines want for themselves.
    """

    bounds: NDArray[np.intp]
    rising: NDArray[np.float64]
    scale: NDArray[np.float64]


@lru_cache(maxsize=8)
def _triangles(bands: int, window: int) -> _Triangles:
    frequencies = np.arange(window // 2 + 1) * RATE / window
    edges = _to_hertz(np.linspace(0.0, _to_mel(RATE / 2), bands + 2))
    bounds = np.searchsorted(frequencies, edges)
    inside = frequencies[: bounds[-1]]
    stretch = np.clip(np.searchsorted(edges, inside, side="right") - 1, 0, bands)
    rising = (inside - edges[stretch]) / np.diff(edges)[stretch]
    return _Triangles(bounds, rising, 2.0 / (edges[2:] - edges[:-2]))


def _in_bands(power: NDArray[np.float64], bands: int, window: int) -> NDArray[np.float64]:
    """Return how much of `power`, (moments, window // 2 + 1), is in each band: (moments, bands)."""
    found = _triangles(bands, window)
    inside = power[:, : found.bounds[-1]]
    rising = _stretches(inside * found.rising, found.bounds)
    falling = _stretches(inside * (1.0 - found.rising), found.bounds)
    return (rising[:, :-1] + falling[:, 1:]) * found.scale


def _stretches(values: NDArray[np.float64], bounds: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the sums of the columns from each bound to the next."""
    begins = np.minimum(bounds[:-1], values.shape[1] - 1)
    return np.add.reduceat(values, begins, axis=1) * (np.diff(bounds) > 0)


def _to_mel(hertz: float) -> float:
    return hertz / _LINEAR if hertz < _BREAK else _BREAK / _LINEAR + float(np.log(hertz / _BREAK)) / _STEP


def _to_hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    first = _BREAK / _LINEAR
    return np.where(mels < first, mels * _LINEAR, _BREAK * np.exp(_STEP * (mels - first)))
