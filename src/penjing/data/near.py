"""Groups of near-duplicate texts, by MinHash: what must not lie in two splits.

Texts are compared without case, punctuation and white space. Two are near-duplicates where the Jaccard
similarity of their character 5-grams is at least 0.8, as estimated by 64 hashes in 16 bands of 4 and confirmed
exactly. Source: Broder 1997, "On the Resemblance and Containment of Documents".
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SHINGLE = 5
_BANDS, _ROWS = 16, 4
_SIMILAR = 0.8
_MOST_CHARACTERS = 4000  # compared of one text
_PRIME = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)

Hashes = NDArray[np.uint64]


def normalize(text: str) -> str:
    """Return `text` without case, punctuation and white space; itself where nothing else is left.

    >>> normalize("Good, GOOD!")
    'goodgood'
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(character for character in folded if unicodedata.category(character)[0] in "LN")
    return kept or folded.strip()


def near_duplicate_groups(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return a group number a text; near-duplicates, and what they are near-duplicates of, share one."""
    groups = _Groups(len(texts))
    shingles = [_shingles(normalize(text)[:_MOST_CHARACTERS]) for text in texts]
    signatures = _signatures(shingles)
    for band in range(_BANDS):
        buckets: dict[bytes, list[int]] = defaultdict(list)
        for row in range(len(texts)):
            buckets[signatures[row, band * _ROWS : (band + 1) * _ROWS].tobytes()].append(row)
        for rows in buckets.values():
            _join_similar(groups, rows, shingles)
    return np.array([groups.find(row) for row in range(len(texts))], np.int64)


def _join_similar(groups: _Groups, rows: Sequence[int], shingles: Sequence[Hashes]) -> None:
    """Compare each row with one of each group already seen in the bucket: near-duplicates come in runs."""
    representatives: list[int] = []
    for row in rows:
        for other in representatives:
            if groups.find(row) == groups.find(other):
                break
            if _similarity(shingles[row], shingles[other]) >= _SIMILAR:
                groups.join(row, other)
                break
        else:
            representatives.append(row)


def _shingles(text: str) -> Hashes:
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.uint64)
    size = min(_SHINGLE, max(1, len(codes)))
    found = np.zeros(max(1, len(codes) - size + 1), np.uint64)
    if len(codes):
        for offset in range(size):
            found = found * _PRIME + codes[offset : offset + len(found)] + np.uint64(1)
    return np.unique((found ^ (found >> np.uint64(29))) * _MIX)


def _signatures(shingles: Sequence[Hashes]) -> Hashes:
    generator = np.random.default_rng(0)
    factors = generator.integers(1, 2**63, _BANDS * _ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    salts = generator.integers(0, 2**63, _BANDS * _ROWS, dtype=np.uint64)
    result = np.empty((len(shingles), _BANDS * _ROWS), np.uint64)
    for row, hashes in enumerate(shingles):
        mixed = hashes[:, None] * factors + salts
        result[row] = (mixed ^ (mixed >> np.uint64(31))).min(axis=0)
    return result


def _similarity(a: Hashes, b: Hashes) -> float:
    shared = len(np.intersect1d(a, b, assume_unique=True))
    return shared / (len(a) + len(b) - shared)


class _Groups:
    """Union-find with path halving."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def find(self, row: int) -> int:
        while self._parent[row] != row:
            self._parent[row] = self._parent[self._parent[row]]
            row = self._parent[row]
        return row

    def join(self, a: int, b: int) -> None:
        low, high = sorted((self.find(a), self.find(b)))
        self._parent[high] = low
