"""Segments translated by a local engine: text to pieces and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from penjing.engines.translate import PieceTranslator, Search
from penjing.languages import Pair
from penjing.translation.model import Candidate

_SENTINEL = re.compile(r"｟(\d+)｠")
MOST_PIECES = 120  # of a segment: longer ones are rare in what models learn from


@dataclass(frozen=True)
class Spelling:
    """How texts become the pieces of a model, and back."""

    source: Tokenizer
    target: Tokenizer
    prefix: tuple[str, ...] = ()
    """Pieces before each source, such as its language."""
    suffix: tuple[str, ...] = ("</s>",)
    sentinel: str = "｟{}｠"
    """How the model is shown what it is to copy; other forms are for models that never saw ours."""

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the pieces of each text."""
        shown = [_SENTINEL.sub(lambda found: self.sentinel.format(found[1]), text) for text in texts]
        return [[*self.prefix, *found.tokens, *self.suffix] for found in self._encoded(shown)]

    def length(self, text: str) -> int:
        """Return how many pieces a text has."""
        return len(self._encoded([text])[0].tokens)

    def text(self, pieces: Sequence[str]) -> str:
        """Return the text of pieces."""
        decoder = self.target.decoder
        text = decoder.decode(list(pieces)).strip() if decoder is not None else "".join(pieces)
        before, after = (re.escape(part) for part in self.sentinel.split("{}"))
        return re.sub(rf"{before}\s*(\d+)\s*{after}", r"｟\1｠", text)

    def _encoded(self, texts: Sequence[str]) -> list[Any]:
        return self.source.encode_batch(list(texts), add_special_tokens=False)


class LocalTranslator:
    """A local engine with the pieces of its model."""

    def __init__(self, engine: PieceTranslator, spelling: Spelling, pair: Pair) -> None:
        self.name = engine.name
        self.pairs: Sequence[Pair] = (pair,)
        self._engine = engine
        self._spelling = spelling

    def fits(self, text: str) -> bool:
        """Return whether a segment has no more pieces than a model reads well."""
        return len(text) <= MOST_PIECES or self._spelling.length(text) <= MOST_PIECES

    def length(self, text: str) -> int:
        """Return how many pieces a text has."""
        return self._spelling.length(text)

    def translate(self, texts: Sequence[str], pair: Pair, search: Search) -> list[list[Candidate]]:
        """Return the candidates of each segment, the best first."""
        found = self._engine.translate(self._spelling.pieces(texts), search)
        return [
            [Candidate(self._spelling.text(one.pieces), one.score, one.ended) for one in hypotheses]
            for hypotheses in found
        ]

    def close(self) -> None:
        """Free the model."""
        del self._engine
