"""Hashed character and word n-grams: the features of the linear engine, the same on every machine.

Text is NFKC-normalised and lower-cased. Each n-gram is hashed into a bucket (Weinberger et al. 2009, "Feature
Hashing for Large Scale Multitask Learning"); counts are damped by log1p and each text has length 1.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.engines.base import Batch, Item

_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_MOST_CHARACTERS = 20_000  # of one text; what follows is left out

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class NgramEncoder:
    """Turns texts into sparse rows.

    >>> NgramEncoder(buckets=64).encode(["ab"])["indptr"]
    array([0, 4])
    """

    buckets: int = 2**18
    characters: tuple[int, ...] = (1, 2, 3, 4)
    """Lengths of character n-grams; white space counts as one blank."""
    words: tuple[int, ...] = (1, 2)
    """Lengths of word n-grams; words are what blanks divide."""

    def settings(self) -> dict[str, Any]:
        """Return what `from_settings` needs."""
        return asdict(self)

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> NgramEncoder:
        """Return the encoder a manifest describes."""
        return cls(
            buckets=int(settings["buckets"]),
            characters=tuple(settings["characters"]),
            words=tuple(settings["words"]),
        )

    def encode(self, texts: Sequence[str]) -> Batch:
        """Return CSR arrays: values[indptr[i]:indptr[i + 1]] are those of text i, in the buckets `indices`."""
        return _stacked([self._row(text) for text in texts])

    def prepare(self, texts: Sequence[str]) -> list[Item]:
        """Return the buckets and values of each text; lengths count characters."""
        return [Item(self._row(text), min(len(text), _MOST_CHARACTERS), len(text)) for text in texts]

    def collate(self, items: Sequence[Item]) -> Batch:
        """Return CSR arrays, as `encode` does."""
        return _stacked([item.values for item in items])

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return the number of characters of each text."""
        return [min(len(text), _MOST_CHARACTERS) for text in texts]

    def _row(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        words = unicodedata.normalize("NFKC", text[:_MOST_CHARACTERS]).lower().split()
        grams = [*self._character_grams(" ".join(words)), *self._word_grams(words)]
        hashes = np.concatenate(grams) if grams else np.zeros(0, np.uint64)
        buckets, counts = np.unique(hashes % np.uint64(self.buckets), return_counts=True)
        values = np.log1p(counts)
        norm = float(np.sqrt(np.square(values).sum()))
        return buckets.astype(np.int64), values / norm if norm else values

    def _character_grams(self, text: str) -> Iterator[Hashes]:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
        yield from (_windows(codes, size, salt=size) for size in self.characters)

    def _word_grams(self, words: Sequence[str]) -> Iterator[Hashes]:
        codes = np.array([_word_hash(word) for word in words], np.uint64)
        yield from (_windows(codes, size, salt=100 + size) for size in self.words)


def _windows(codes: Hashes, size: int, *, salt: int) -> Hashes:
    """Return one polynomial hash a window of `size` codes; arithmetic is modulo 2**64."""
    count = len(codes) - size + 1
    if count <= 0:
        return np.zeros(0, np.uint64)
    found = np.full(count, salt, np.uint64)
    for offset in range(size):
        found = found * _PRIME + codes[offset : offset + count] + np.uint64(1)
    found ^= found >> np.uint64(32)
    found *= _MIX
    return found >> np.uint64(20)


def _word_hash(word: str) -> int:
    codes = np.frombuffer(word.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    return int(_windows(codes, len(codes), salt=7)[0])


def _stacked(rows: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]]) -> Batch:
    indptr = np.cumsum([0, *(len(indices) for indices, _ in rows)], dtype=np.int64)
    empty = np.zeros(0)
    return {
        "indptr": indptr,
        "indices": np.concatenate([indices for indices, _ in rows] or [empty.astype(np.int64)]),
        "values": np.concatenate([values for _, values in rows] or [empty]).astype(np.float32),
    }
