"""A trained model on disk, whatever it reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from penjing.records import Step


@dataclass(frozen=True)
class TrainedModel:
    """Where a trained model is, how it was made, and how good it is."""

    name: str
    recipe: tuple[Step, ...]
    folder: Path
    key: str
    train_s: float
    parameters: int
    score: float
    """The bar's metric on dev, of the weights that were kept."""
