"""Byte-pair encoding: of all neighbours that can be merged, those with the lowest rank, again and again.

Why the law holds: no merge that made a text's pieces crosses the border of one, so within a piece the merges
are those of the piece alone, in the same order (its merge tree). Where a piece is kept its tree is kept too;
the merges that stay keep their order; so at each step the merge that was the lowest of all is still there,
and still the lowest.

Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", ACL 2016.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from penjing.shrink.tokenizer.base import byte_pieces, ranks

_SPACE = "▁"
_PRINTABLE = (*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1))


def byte_alphabet() -> dict[str, int]:
    """Return the byte that each character of a byte-level vocabulary stands for (GPT-2's table).

    >>> byte_alphabet()["Ġ"]
    32
    """
    others = [byte for byte in range(256) if byte not in _PRINTABLE]
    return {chr(byte): byte for byte in _PRINTABLE} | {chr(256 + n): byte for n, byte in enumerate(others)}


@dataclass(frozen=True)
class BpeModel:
    """A BPE vocabulary with its merges; `alphabet` is empty unless the vocabulary is of bytes."""

    spec: Mapping[str, Any]
    pieces: Mapping[int, str]
    merge_ranks: Mapping[tuple[str, str], int]
    alphabet: Mapping[str, int]

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any], *, alphabet: Mapping[str, int]) -> BpeModel:
        """Return the model that the `model` part of tokenizer.json describes, its merges as pairs."""
        return cls(
            spec=spec,
            pieces={piece_id: piece for piece, piece_id in spec["vocab"].items()},
            merge_ranks={(left, right): rank for rank, (left, right) in enumerate(spec["merges"])},
            alphabet=alphabet,
        )

    def anchors(self) -> frozenset[int]:
        """Return the unknown piece and all single bytes, whether written as characters or as <0x00>."""
        vocabulary = self.spec["vocab"]
        always = [self.spec["unk_token"], *self.alphabet]
        fallback = byte_pieces(self.pieces) if self.spec["byte_fallback"] else frozenset()
        return fallback | {vocabulary[piece] for piece in always if piece in vocabulary}

    def by_frequency(self) -> Sequence[int]:
        """Return ids in order, which is the order of the merges."""
        return sorted(self.pieces)

    def support(self, piece_id: int) -> frozenset[int]:
        """Return the piece with its merge tree."""
        piece, vocabulary = self.pieces[piece_id], self.spec["vocab"]
        tree, last = self._merge(piece)
        if last != [piece] or any(node not in vocabulary for node in tree):
            return frozenset({piece_id})  # no merge makes it: only a whole word or a special token can be it
        return frozenset(vocabulary[node] for node in tree)

    def surface(self, piece_id: int) -> str:
        """Return the piece as text: bytes decoded, the markers of continued and last pieces removed."""
        piece = self.pieces[piece_id]
        if self.alphabet and all(char in self.alphabet for char in piece):
            try:
                return bytes(self.alphabet[char] for char in piece).decode("utf-8").strip()
            except UnicodeDecodeError:
                return ""
        piece = piece.removeprefix(self._prefix).removesuffix(self._suffix)
        return piece.replace(_SPACE, " ").strip()

    def trimmed(self, keep: Sequence[int]) -> dict[str, Any]:
        """Return the model with only the pieces in `keep` and the merges among them."""
        vocabulary = {self.pieces[old]: new for old, new in ranks(keep).items() if old in self.pieces}
        merges = [
            [left, right]
            for left, right in self.merge_ranks
            if left in vocabulary and right in vocabulary and self._joined(left, right) in vocabulary
        ]
        return {**self.spec, "vocab": vocabulary, "merges": merges}

    @property
    def _prefix(self) -> str:
        return self.spec["continuing_subword_prefix"] or ""

    @property
    def _suffix(self) -> str:
        return self.spec["end_of_word_suffix"] or ""

    def _joined(self, left: str, right: str) -> str:
        return left + right[len(self._prefix) :]

    def _symbols(self, piece: str) -> list[str]:
        inner = bool(self._prefix) and piece.startswith(self._prefix)
        last = bool(self._suffix) and piece.endswith(self._suffix)
        characters = list(piece.removeprefix(self._prefix).removesuffix(self._suffix))
        symbols = [self._prefix * (inner or place > 0) + char for place, char in enumerate(characters)]
        if last and symbols:
            symbols[-1] += self._suffix
        return symbols

    def _merge(self, piece: str) -> tuple[set[str], list[str]]:
        """Return every symbol that encoding `piece` alone goes through, and the symbols at the end."""
        symbols = self._symbols(piece)
        tree = set(symbols)
        while True:
            pairs = list(pairwise(symbols))
            known = [place for place, pair in enumerate(pairs) if pair in self.merge_ranks]
            if not known:
                return tree, symbols
            place = min(known, key=lambda at: (self.merge_ranks[pairs[at]], at))
            symbols[place : place + 2] = [self._joined(*pairs[place])]
            tree.add(symbols[place])
