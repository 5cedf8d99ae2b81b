"""The seam between trimming and the models of tokenizers: one small protocol, one implementation a file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

_BYTE_PIECE = re.compile(r"<0x[0-9A-F]{2}>")


class PieceModel(Protocol):
    """What trimming needs to know of a tokenizer's model. Ids are those of the untrimmed tokenizer."""

    @property
    def pieces(self) -> Mapping[int, str]:
        """Every piece of the model by id."""
        ...

    def anchors(self) -> frozenset[int]:
        """Return the ids without which text that is kept would be read differently, or not at all."""
        ...

    def by_frequency(self) -> Sequence[int]:
        """Return all ids, those that the tokenizer's own training text used most first (approximately)."""
        ...

    def support(self, piece_id: int) -> frozenset[int]:
        """Return the ids that reading this piece goes through, itself included."""
        ...

    def surface(self, piece_id: int) -> str:
        """Return the text the piece stands for, without markers; "" where it is not whole characters."""
        ...

    def trimmed(self, keep: Sequence[int]) -> dict[str, Any]:
        """Return the model's part of tokenizer.json with only the pieces in `keep`, renumbered by rank."""
        ...


def byte_pieces(pieces: Mapping[int, str]) -> frozenset[int]:
    """Return the ids of the fallback pieces <0x00> to <0xFF>."""
    return frozenset(piece_id for piece_id, piece in pieces.items() if _BYTE_PIECE.fullmatch(piece))


def ranks(keep: Sequence[int]) -> dict[int, int]:
    """Return new ids by old ids.

    >>> ranks((0, 7, 9))
    {0: 0, 7: 1, 9: 2}
    """
    return {old: new for new, old in enumerate(keep)}
