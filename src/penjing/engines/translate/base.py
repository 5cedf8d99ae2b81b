"""The seam between a model that translates and what runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Pieces = list[str]
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class Search:
    """How translations are looked for."""

    beam: int = 1
    """How many are pursued at once; 1 takes the most probable piece each time."""
    hypotheses: int = 1
    """How many are returned, the best first; at most `beam`."""
    no_repeat: int = 0
    """No so many pieces in a row come twice; 0 allows any."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One translation, and its mean log probability a piece."""

    pieces: Pieces
    score: float
    ended: bool
    """Whether it ends by itself, and not at the longest length."""


def best_of(hypotheses: Sequence[Hypothesis], count: int) -> list[Hypothesis]:
    """Return the most probable of the hypotheses, each once; those that end come first."""
    unique = {tuple(one.pieces): one for one in hypotheses}
    return sorted(unique.values(), key=lambda one: (not one.ended, -one.score))[:count]


def longest_translation(source: Pieces) -> int:
    """Return how many pieces a source is translated into at most, whatever is translated beside it."""
    return min(_LONGEST, 16 + 2 * len(source))


class PieceTranslator(Protocol):
    """Translates pieces. Engines never import torch."""

    name: str
    in_flight: int
    """How many calls it takes at once."""

    def translate(self, sources: Sequence[Pieces], search: Search) -> list[list[Hypothesis]]:
        """Return the hypotheses of each source, the best first; each depends on its own source alone."""
        ...
