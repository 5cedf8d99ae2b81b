"""How a sound becomes the picture that a model reads: bands of pitches from top to bottom, moments from left to right.

A value is a byte: 0 is eight decades of power below the loudest of the picture, 255 the loudest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from penjing.records import Record
from penjing.sounds.mel import DECADES, log_mel
from penjing.sounds.read import RATE, Samples, Source, read_sound

_LOUDEST_SILENCE = -4.0  # what is quieter than that is nowhere near the top of the scale
_ENERGY_HOP = RATE // 100
SPECTROGRAM_TYPE = "spectrogram"
Pixels = NDArray[np.uint8]
"""(bands, moments, 1)."""


class Spectrogram(Record):
    """The picture that a model reads of `seconds` of a sound: the loudest ones where it is longer.

    >>> Spectrogram(bands=80, moments=100, seconds=1.0).read(b"no sound")       # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    penjing.errors.DataError: not a sound that can be read
    """

    bands: Annotated[int, Field(ge=8, le=256)]
    moments: Annotated[int, Field(ge=8, le=4096)]
    seconds: Annotated[float, Field(gt=0, le=60)]

    @model_validator(mode="after")
    def _moments_are_apart(self) -> Spectrogram:
        if self.hop < 1:
            raise ValueError("moments are less than a sample apart")
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the picture: rows, columns and 1."""
        return (self.bands, self.moments, 1)

    def settings(self) -> dict[str, Any]:
        """Return what a manifest says of it."""
        return {"type": SPECTROGRAM_TYPE, **self.model_dump()}

    @property
    def hop(self) -> int:
        """Samples from one moment to the next."""
        return round(self.seconds * RATE / self.moments)

    @property
    def length(self) -> int:
        """Samples that are looked at."""
        return self.hop * self.moments

    def read(self, source: Source | Pixels) -> Pixels:
        """Return the picture, uint8 (bands, moments, 1), of a sound's file; one that is there already stays as it is.

        Raises:
            DataError: the sound cannot be read.
        """
        if isinstance(source, np.ndarray):
            return source
        return self.picture(self.heard(source))

    def heard(self, source: Source) -> Samples:
        """Return the samples that are looked at: all, or the loudest ones in a row."""
        samples = read_sound(source)
        begin = loudest(samples, self.length)
        return samples[begin : begin + self.length]

    def windows(self, count: int) -> Iterator[tuple[int, int]]:
        """Yield where in `count` samples the parts that are looked at begin and end; they overlap by half.

        >>> list(Spectrogram(bands=8, moments=10, seconds=0.1).windows(2400))
        [(0, 1600), (800, 2400)]
        """
        begin = 0
        while True:
            yield begin, min(count, begin + self.length)
            if begin + self.length >= count:
                return
            begin += self.length // 2

    def picture(self, samples: Samples) -> Pixels:
        """Return the picture of the first samples; silence follows where they are too few."""
        missing = max(0, self.length - len(samples))
        padded = np.pad(samples[: self.length], (0, missing))
        found = log_mel(padded, bands=self.bands, hop=self.hop, window=max(RATE // 40, 2 * self.hop))
        top = max(float(found.max()), _LOUDEST_SILENCE)
        scaled = np.rint((found - (top - DECADES)) * (255 / DECADES)).clip(0, 255)
        return np.asarray(scaled, np.uint8)[:, :, None]


def loudest(samples: Samples, length: int) -> int:
    """Return where the `length` samples with the most energy begin, to a hundredth of a second."""
    if len(samples) <= length:
        return 0
    parts = samples[: len(samples) // _ENERGY_HOP * _ENERGY_HOP].reshape(-1, _ENERGY_HOP)
    energy = np.concatenate([[0.0], np.cumsum(np.einsum("ij,ij->i", parts, parts), dtype=np.float64)])
    width = max(1, length // _ENERGY_HOP)
    begins = np.arange(min(len(energy) - width, (len(samples) - length) // _ENERGY_HOP + 1))
    return int((energy[begins + width] - energy[begins]).argmax()) * _ENERGY_HOP
