"""Reads one sound from a file or bytes: one channel at 16 kHz, or an error that names what is wrong.

The content decides what a file is, not its name. Channels are averaged; other rates are resampled.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.errors import DataError, MissingExtraError
from penjing.files import content_of

RATE = 16_000
"""Samples a second, of what models read."""
FORMATS = ("AIFF", "FLAC", "MP3", "OGG", "WAV")
SUFFIXES = (".aif", ".aiff", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav")
MOST_BYTES = 256 * 2**20
MOST_SECONDS = 4 * 3600.0
"""Of a sound that is read whole; at 16 kHz it takes 900 MB, and twice that while it is put together."""
_NAMES = {"WAVEX": "WAV", "RF64": "WAV", "MPEG": "MP3"}  # the library's names
_RATES, _MOST_CHANNELS = (1_000, 384_000), 32
_BLOCK = 2**17  # values that are decoded at once

Samples = NDArray[np.float32]
"""One channel at 16 kHz, from -1 to 1."""
Source = str | Path | bytes
"""A file, or the content of one."""


def read_sound(source: Source, *, most_seconds: float = MOST_SECONDS) -> Samples:
    """Return the samples of a sound.

    >>> read_sound(b"RIFF, but no more")                              # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    penjing.errors.DataError: not a sound that can be read

    Raises:
        DataError: it is missing, too large or too long, damaged, or no sound.
        MissingExtraError: soundfile or soxr is not installed.
    """
    content, name = content_of(source, one="sound", most_bytes=MOST_BYTES)
    blocks = list(_blocks(content, name, most_seconds))
    found = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    if not len(found):
        raise DataError("the sound is empty", value=name)
    if not np.isfinite(found).all():
        raise DataError("the sound is damaged", value=f"{name}: not all samples are numbers")
    return np.clip(found, -1.0, 1.0, out=found)


def _blocks(content: bytes, name: str, most_seconds: float) -> Iterator[Samples]:
    """Yield the samples at 16 kHz, some at a time, so that what a header says of the length does not matter."""
    soundfile, soxr = _libraries()
    try:
        file = soundfile.SoundFile(BytesIO(content))
    except (soundfile.SoundFileError, TypeError, ValueError):
        raise DataError("not a sound that can be read", value=name, rule=f"one of {', '.join(FORMATS)}") from None
    with file:
        _check(file, name)
        stream = soxr.ResampleStream(file.samplerate, RATE, 1, dtype="float32")
        left = round(most_seconds * file.samplerate)
        while True:
            block = _read(file, max(1, _BLOCK // file.channels), name, soundfile.SoundFileError)
            left -= len(block)
            if left < 0:
                raise DataError(
                    "the sound is too long",
                    value=name,
                    rule=f"at most {most_seconds:,.0f} s",
                    next_step="Cut it into parts",
                )
            mono = np.ascontiguousarray(block.mean(axis=1, dtype=np.float32))
            last = not len(block)
            yield mono if file.samplerate == RATE else stream.resample_chunk(mono, last=last)
            if last:
                return


def _read(file: Any, count: int, name: str, damaged: type[Exception]) -> NDArray[np.float32]:
    try:
        found: NDArray[np.float32] = file.read(count, dtype="float32", always_2d=True)
    except damaged as error:
        raise DataError(
            "the sound is damaged", value=f"{name}: {error}", next_step="Save it again, or leave it out"
        ) from None
    return found


def _check(file: Any, name: str) -> None:
    found = _NAMES.get(file.format, file.format)
    if found not in FORMATS:
        raise DataError("not a sound that can be read", value=f"{name}: {found}", rule=f"one of {', '.join(FORMATS)}")
    low, high = _RATES
    if not low <= file.samplerate <= high or not 1 <= file.channels <= _MOST_CHANNELS:
        raise DataError(
            "not a sound that can be read",
            value=f"{name}: {file.samplerate:,} samples a second, {file.channels} channels",
            rule=f"{low:,} to {high:,} samples a second, at most {_MOST_CHANNELS} channels",
        )


def flac(samples: Samples) -> bytes:
    """Return samples as a FLAC file of 16 bits."""
    soundfile, _ = _libraries()
    file = BytesIO()
    soundfile.write(file, samples, RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _libraries() -> tuple[Any, Any]:
    try:
        import soundfile
        import soxr
    except (ImportError, OSError):  # OSError: the library that soundfile wraps
        raise MissingExtraError("soundfile", extra="sounds") from None
    return soundfile, soxr
