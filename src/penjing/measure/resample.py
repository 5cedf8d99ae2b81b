"""Bootstrap resamples of paired answers, collapsed to their unique rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
_CHUNK = 500  # resamples drawn at once: bounds the memory

Answers = NDArray[Any]


@dataclass(frozen=True)
class Unique:
    """The unique rows of several aligned arrays, and how often each occurs."""

    columns: tuple[Answers, ...]
    counts: NDArray[np.int64]

    def draws(self, *, seed: int, resamples: int = RESAMPLES) -> Iterator[NDArray[np.int64]]:
        """Yield counts (some resamples, unique rows) until `resamples` have been drawn."""
        generator = np.random.default_rng(seed)
        n = int(self.counts.sum())
        for start in range(0, resamples, _CHUNK):
            yield generator.multinomial(n, self.counts / n, size=min(_CHUNK, resamples - start))


def unique_rows(columns: Sequence[Answers]) -> Unique:
    """Return the unique combinations of the items of `columns`, each (n,) or (n, labels)."""
    wide = [column[:, None] if column.ndim == 1 else column for column in columns]
    table = np.concatenate([column.astype(np.int64) for column in wide], axis=1)
    _, first, counts = np.unique(table, axis=0, return_index=True, return_counts=True)
    return Unique(tuple(column[first] for column in columns), counts)
