"""Pictures as batches of pixels: what models of pictures take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penjing.engines.base import Batch, Item
from penjing.pictures.frame import Frame, Pixels, framed
from penjing.pictures.read import Source


class PictureEncoder:
    """Reads and frames pictures; scaling to what the model was trained on is part of the model."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> PictureEncoder:
        """Return the encoder a manifest describes."""
        return cls(Frame.model_validate({name: value for name, value in settings.items() if name != "type"}))

    def encode(self, sources: Sequence[Source | Pixels]) -> Batch:
        """Return pixels, uint8 (batch, size, size, channels)."""
        return self._stacked([framed(source, self.frame) for source in sources])

    def prepare(self, sources: Sequence[Source | Pixels]) -> list[Item]:
        """Return the pixels of each picture; each counts one."""
        return [Item(framed(source, self.frame), 1, 1) for source in sources]

    def collate(self, items: Sequence[Item]) -> Batch:
        """Return pixels, uint8 (batch, size, size, channels)."""
        return self._stacked([item.values for item in items])

    def lengths(self, sources: Sequence[Source | Pixels]) -> list[int]:
        """Return 1 for each picture: all cost the same."""
        return [1] * len(sources)

    def _stacked(self, rows: Sequence[Pixels]) -> Batch:
        shape = (self.frame.size, self.frame.size, self.frame.channels)
        return {"pixels": np.stack(rows) if rows else np.zeros((0, *shape), np.uint8)}
