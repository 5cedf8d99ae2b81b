"""Pictures, and spectrograms of sounds, as batches of pixels: what models of both take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from penjing.engines.base import Batch, Item

Pixels = NDArray[np.uint8]
"""(rows, columns, channels), 0 to 255."""


class Framing(Protocol):
    """How a file becomes the pixels that a model reads: `Frame` of pictures, `Spectrogram` of sounds."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns, channels."""
        ...

    def read(self, source: Any, /) -> Pixels:
        """Return the pixels of a file, its content, or of pixels that were read before."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return what a manifest says of it, with its `type`."""
        ...


class PixelEncoder:
    """Reads files; scaling pixels to what the model was trained on is part of the model."""

    def __init__(self, framing: Framing) -> None:
        self.framing = framing

    def encode(self, sources: Sequence[Any]) -> Batch:
        """Return pixels, uint8 (batch, rows, columns, channels)."""
        return self._stacked([self.framing.read(source) for source in sources])

    def prepare(self, sources: Sequence[Any]) -> list[Item]:
        """Return the pixels of each file; each counts one."""
        return [Item(self.framing.read(source), 1, 1) for source in sources]

    def collate(self, items: Sequence[Item]) -> Batch:
        """Return pixels, uint8 (batch, rows, columns, channels)."""
        return self._stacked([item.values for item in items])

    def lengths(self, sources: Sequence[Any]) -> list[int]:
        """Return 1 for each file: all cost the same."""
        return [1] * len(sources)

    def _stacked(self, rows: Sequence[Pixels]) -> Batch:
        return {"pixels": np.stack(rows) if rows else np.zeros((0, *self.framing.shape), np.uint8)}
