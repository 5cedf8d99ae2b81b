"""Segments translated by a local engine: text to pieces and back."""

from __future__ import annotations

from collections.abc import Sequence

from penjing.engines.translate import PieceTranslator, Search
from penjing.engines.translate.spelling import Spelling
from penjing.errors import EngineError
from penjing.languages import Pair
from penjing.translation.model import Candidate

_WIDER, _WITHOUT_REPEATS = Search(beam=6, hypotheses=6), Search(beam=2, hypotheses=2, no_repeat=4)
MOST_PIECES = 120  # of a segment: longer ones are rare in what models learn from


class LocalTranslator:
    """A local engine with the pieces of its model."""

    spare = 3

    def __init__(self, engine: PieceTranslator, spelling: Spelling, pair: Pair) -> None:
        self.name = engine.name
        self.in_flight = engine.in_flight
        self.pairs: Sequence[Pair] = (pair,)
        self.again: Sequence[Search] = (_WIDER, _WITHOUT_REPEATS)
        self._engine: PieceTranslator | None = engine
        self._spelling = spelling

    def fits(self, text: str) -> bool:
        """Return whether a segment has no more pieces than a model reads well."""
        return len(text) <= MOST_PIECES or self._spelling.length(text) <= MOST_PIECES

    def length(self, text: str) -> int:
        """Return how many pieces a text has."""
        return self._spelling.length(text)

    def translate(self, texts: Sequence[str], pair: Pair, search: Search) -> list[list[Candidate]]:
        """Return the candidates of each segment, the best first."""
        if self._engine is None:
            raise EngineError("the model was closed")
        found = self._engine.translate(self._spelling.pieces(texts), search)
        return [
            [Candidate(self._spelling.text(one.pieces), one.score, one.ended) for one in hypotheses]
            for hypotheses in found
        ]

    def close(self) -> None:
        """Free the model."""
        self._engine = None
