"""WordPiece: from the left, the longest piece that matches.

Why the law holds: at each position the longest match among the kept pieces cannot be longer than the longest
among all, and it is that one where that one is kept. A word that was unknown may become known, because a
shorter match can leave a rest that can be read: so the law says nothing about unknown words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.shrink.tokenizer.base import ranks


@dataclass(frozen=True)
class WordPieceModel:
    """A WordPiece vocabulary, such as BERT's: low ids are frequent pieces."""

    spec: Mapping[str, Any]
    pieces: Mapping[int, str]

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> WordPieceModel:
        """Return the model that the `model` part of tokenizer.json describes."""
        return cls(spec, {piece_id: piece for piece, piece_id in spec["vocab"].items()})

    def anchors(self) -> frozenset[int]:
        """Return the unknown piece."""
        unknown = self.spec["vocab"].get(self.spec["unk_token"])
        return frozenset() if unknown is None else frozenset({unknown})

    def by_frequency(self) -> Sequence[int]:
        """Return ids in order: BERT's vocabularies are sorted so."""
        return sorted(self.pieces)

    def support(self, piece_id: int) -> frozenset[int]:
        """Return the piece alone."""
        return frozenset({piece_id})

    def surface(self, piece_id: int) -> str:
        """Return the piece without "##"."""
        return self.pieces[piece_id].removeprefix(self.spec["continuing_subword_prefix"])

    def trimmed(self, keep: Sequence[int]) -> dict[str, Any]:
        """Return the model with only the pieces in `keep`."""
        new_ids = ranks(keep)
        return {
            **self.spec,
            "vocab": {self.pieces[old]: new for old, new in new_ids.items() if old in self.pieces},
        }
