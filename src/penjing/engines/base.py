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
    """One text or picture, encoded."""

    values: Any
    """What `collate` takes."""
    length: int
    """What it costs in a batch: pieces, or characters of n-grams."""
    whole: int
    """The length before it was cut; more than `length` where it was."""


class Encoder(Protocol):
    """Turns inputs, texts or pictures, into one batch of arrays."""

    def encode(self, inputs: Sequence[Any], /) -> Batch:
        """Return arrays whose first dimension is `len(inputs)` (or, for sparse features, row offsets)."""
        ...

    def prepare(self, inputs: Sequence[Any], /) -> list[Item]:
        """Return each input by itself, for batches that are put together later."""
        ...

    def collate(self, items: Sequence[Item]) -> Batch:
        """Return the batch that `encode` makes of the same inputs."""
        ...

    def lengths(self, inputs: Sequence[Any], /) -> list[int]:
        """Return what each input costs, such as its number of pieces: what batches are sorted by."""
        ...


class Engine(Protocol):
    """Runs one exported model. Engines never import torch."""

    name: str

    def run(self, batch: Batch) -> Logits:
        """Return logits (batch, labels); each row depends on its own text alone."""
        ...
