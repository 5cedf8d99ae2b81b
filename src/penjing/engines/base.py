"""The seam between a bundle and what runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Batch = Mapping[str, NDArray[np.generic]]
Logits = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Item:
    """One text, encoded."""

    values: Any
    """What `collate` takes."""
    length: int
    """What it costs in a batch: pieces, or characters of n-grams."""
    whole: int
    """The length before it was cut; more than `length` where it was."""


class Encoder(Protocol):
    """Turns texts into one batch of arrays."""

    def encode(self, texts: Sequence[str]) -> Batch:
        """Return arrays whose first dimension is `len(texts)` (or, for sparse features, row offsets)."""
        ...

    def prepare(self, texts: Sequence[str]) -> list[Item]:
        """Return each text by itself, for batches that are put together later."""
        ...

    def collate(self, items: Sequence[Item]) -> Batch:
        """Return the batch that `encode` makes of the same texts."""
        ...

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the number of pieces of each text after truncation: what batches are sorted by."""
        ...


class Engine(Protocol):
    """Runs one exported model. Engines never import torch."""

    name: str

    def run(self, batch: Batch) -> Logits:
        """Return logits (batch, labels); each row depends on its own text alone."""
        ...
