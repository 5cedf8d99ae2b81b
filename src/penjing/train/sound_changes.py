"""Spectrograms changed by chance while a model learns: other speeds and voices, parts unheard, noise below.

Sources: Park et al. 2019, "SpecAugment" (masked bands and moments; we stretch in both directions instead of warping
around one point); Jaitly and Hinton 2013, "Vocal Tract Length Perturbation" (stretched pitches are other voices).
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

_SHIFT = (0.1, 0.03)  # of the moments, and of the bands
_SCALE = (0.85, 1.18, 0.9, 1.11)  # of time and of pitch, from and to
_MASK = 0.15  # of the moments or bands, at the most, for each of two masks
_NOISY, _NOISE = 0.5, 0.4  # how many get noise, and how loud it is at the most, of the whole range
_TILT = 0.08  # of the range, from the lowest band to the highest: other microphones


class SoundChanges:
    """Changes a batch (batch, 1, bands, moments) of 0 (eight decades below the loudest) to 1."""

    def __init__(self, library: Any) -> None:
        self._stretch = library.RandomAffine(degrees=0.0, translate=_SHIFT, scale=_SCALE, p=1.0)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Return the changed batch."""
        found = cast(Tensor, self._stretch(pixels))
        found = _tilted(_noisy(found))
        return _masked(_masked(found, axis=2), axis=3).clamp(0, 1)


def _tilted(pixels: Tensor) -> Tensor:
    """Return pixels whose bands grow louder or quieter from the lowest to the highest."""
    slope = (2 * torch.rand(len(pixels), 1, 1, 1) - 1) * _TILT
    line = torch.linspace(-0.5, 0.5, pixels.shape[2])[:, None]
    return torch.where(pixels > 0, pixels + slope * line, pixels)


def _noisy(pixels: Tensor) -> Tensor:
    """Return pixels none of which is quieter than some noise, where there is noise."""
    level = torch.rand(len(pixels), 1, 1, 1) * _NOISE * (torch.rand(len(pixels), 1, 1, 1) < _NOISY)
    grain = 1 + 0.1 * torch.randn_like(pixels)
    return torch.maximum(pixels, level * grain)


def _masked(pixels: Tensor, *, axis: int) -> Tensor:
    """Return pixels with a stretch of bands (axis 2) or of moments (axis 3) silent."""
    size = pixels.shape[axis]
    width = torch.rand(len(pixels), 1) * _MASK * size
    begin = torch.rand(len(pixels), 1) * (size - width)
    places = torch.arange(size)[None]
    kept = (places < begin) | (places >= begin + width)
    shape = [len(pixels), 1, 1, 1]
    shape[axis] = size
    return pixels * kept.view(shape)
