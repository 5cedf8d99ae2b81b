"""Unigram: of all ways to cut the text, the one whose pieces have the highest total score.

Why the law holds: a cut into kept pieces was a cut before, with the same score, so the best of all is still
the best where it is kept; among equals the piece that starts first wins, before and after. A character
without a piece costs the lowest score of all pieces less 10: that lowest piece is always kept, so the cost
stays what it was, and a character that lost its piece costs more than the piece did.

Source: Kudo, "Subword Regularization", ACL 2018, for the model; the rest is proved above and tested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penjing.shrink.tokenizer.base import byte_pieces

_SPACE = "▁"


@dataclass(frozen=True)
class UnigramModel:
    """A Unigram vocabulary, such as XLM-R's: an id is a place in the list, a score is a log-probability."""

    spec: Mapping[str, Any]
    pieces: Mapping[int, str]

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> UnigramModel:
        """Return the model that the `model` part of tokenizer.json describes."""
        return cls(spec, {piece_id: piece for piece_id, (piece, _) in enumerate(spec["vocab"])})

    def anchors(self) -> frozenset[int]:
        """Return the unknown piece, the piece with the lowest score, and the byte pieces."""
        lowest = min(self.pieces, key=self._score)
        unknown = set() if self.spec["unk_id"] is None else {self.spec["unk_id"]}
        fallback = byte_pieces(self.pieces) if self.spec["byte_fallback"] else frozenset()
        return fallback | unknown | {lowest}

    def by_frequency(self) -> Sequence[int]:
        """Return ids by score, high to low."""
        return sorted(self.pieces, key=lambda piece_id: (-self._score(piece_id), piece_id))

    def support(self, piece_id: int) -> frozenset[int]:
        """Return the piece alone."""
        return frozenset({piece_id})

    def surface(self, piece_id: int) -> str:
        """Return the piece without "▁"."""
        return self.pieces[piece_id].replace(_SPACE, " ").strip()

    def trimmed(self, keep: Sequence[int]) -> dict[str, Any]:
        """Return the model with only the pieces in `keep`, their scores unchanged."""
        vocabulary = [self.spec["vocab"][old] for old in keep if old in self.pieces]
        unknown = self.spec["unk_id"]
        return {
            **self.spec,
            "vocab": vocabulary,
            "unk_id": None if unknown is None else list(keep).index(unknown),
        }

    def _score(self, piece_id: int) -> float:
        return float(self.spec["vocab"][piece_id][1])
