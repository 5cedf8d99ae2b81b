"""Pictures to learn from: framed pixels with their labels, changed by chance each time they are seen.

Sources: Cubuk et al. 2020, "RandAugment"; Zhang et al. 2018, "mixup"; both as kornia computes them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from penjing.errors import MissingExtraError
from penjing.recipe import Augmentation
from penjing.train.batches import Indices
from penjing.train.sound_changes import SoundChanges
from penjing.train.vision import resized_pixels

_PADDING_SHARE = 8  # pictures are shifted by up to one such part of their side
_OPERATIONS, _MAGNITUDE = 2, 9  # of RandAugment


@dataclass(frozen=True)
class Pictures:
    """Framed pictures, uint8 (pictures, rows, columns, channels), with the place of each one's label."""

    pixels: NDArray[np.uint8]
    truth: NDArray[np.int64]
    labels: int
    augmentation: Augmentation = "none"
    mixup: float = 0.0
    """How much of another picture, at the most, is mixed into each."""

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def lengths(self) -> Indices:
        """One for each picture: all cost the same."""
        return np.ones(len(self), np.int64)

    def take(self, indices: Indices) -> Pictures:
        """Return the pictures with these indices, which stay as they are."""
        return Pictures(self.pixels[indices], self.truth[indices], self.labels)

    def resized(self, side: int) -> Pictures:
        """Return the pictures with `side` pixels a side."""
        pixels = torch.from_numpy(np.ascontiguousarray(self.pixels)).float()
        found = resized_pixels(pixels, side).round().to(torch.uint8).numpy()
        return replace(self, pixels=found)

    def batch(self, indices: Indices) -> tuple[Tensor, Tensor]:
        """Return pixels (batch, rows, columns, channels), 0 to 255, and the shares of the labels (batch, labels)."""
        pixels = torch.from_numpy(np.ascontiguousarray(self.pixels[indices]))
        targets = F.one_hot(torch.from_numpy(self.truth[indices]), self.labels).float()
        if self.augmentation == "none" and not self.mixup:
            return pixels, targets
        changed = changed_pixels(pixels, self.augmentation)
        if self.mixup:
            mixed, targets = _mixed(changed.permute(0, 3, 1, 2).float() / 255, targets, self.mixup)
            changed = mixed.mul(255).permute(0, 2, 3, 1)
        return changed, targets


def changed_pixels(pixels: Tensor, augmentation: Augmentation) -> Tensor:
    """Return pixels (batch, rows, columns, channels) of 0 to 255 changed by chance."""
    if augmentation == "none":
        return pixels
    changed = _changes(augmentation, *pixels.shape[1:3])(pixels.permute(0, 3, 1, 2).float() / 255)
    return cast(Tensor, changed.clamp(0, 1).mul(255).permute(0, 2, 3, 1))


@lru_cache(maxsize=8)
def _changes(augmentation: Augmentation, rows: int, columns: int) -> Any:
    """Return what changes a batch (batch, channels, rows, columns) of 0 to 1."""
    library = _kornia()
    if augmentation == "specaugment":
        return SoundChanges(library)
    padding = max(1, min(rows, columns) // _PADDING_SHARE)
    steps = [library.RandomCrop((rows, columns), padding=padding, padding_mode="replicate")]
    if augmentation != "shift":
        steps.append(library.RandomHorizontalFlip())
    if augmentation == "randaugment":
        steps.append(library.auto.RandAugment(n=_OPERATIONS, m=_MAGNITUDE))
    return library.AugmentationSequential(*steps)


def _mixed(pixels: Tensor, targets: Tensor, most: float) -> tuple[Tensor, Tensor]:
    """Return pictures that are mixed in pairs, and the shares of both their labels."""
    mix = _kornia().RandomMixUpV2(data_keys=["input", "class"], lambda_val=torch.tensor([0.0, most]))
    found, pairs = cast(tuple[Tensor, Tensor], mix(pixels, torch.arange(len(pixels))))
    share = pairs[:, 2:]
    return found, (1 - share) * targets + share * targets[pairs[:, 1].long()]


def _kornia() -> Any:
    try:
        import kornia.augmentation as library
    except ImportError:
        raise MissingExtraError("kornia", extra="image") from None
    return library
