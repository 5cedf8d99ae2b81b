"""Beam search over pieces: what to write next, given the log probability of every piece.

Translations compete by their mean log probability a piece (Wu et al. 2016, "Google's Neural Machine Translation
System", with a length penalty of 1). A search ends when twice as many translations have ended as are pursued; with one,
the most probable piece is taken each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from penjing.engines.translate.base import Search

Rows = NDArray[np.int64]
_PATIENCE = 2


class Step(Protocol):
    """Writes one more piece of every row."""

    def __call__(self, pieces: Rows, parents: Rows) -> NDArray[np.float32]:
        """Return log probabilities (rows, pieces) after `pieces`; row i goes on from row parents[i] of the last call.

        In the first call the parents are the sources.
        """


@dataclass(frozen=True, slots=True)
class Found:
    """One translation: the numbers of its pieces, without the end, and its mean log probability."""

    pieces: tuple[int, ...]
    score: float
    ended: bool


@dataclass
class _Row:
    """A translation that is being written."""

    source: int
    parent: int
    pieces: tuple[int, ...] = ()
    total: float = 0.0

    @property
    def found(self) -> Found:
        return Found(self.pieces, self.total / max(1, len(self.pieces)), ended=False)


@dataclass
class _Source:
    """What was found for a source so far."""

    most: int
    found: list[Found] = field(default_factory=list)


def beam_search(
    step: Step, *, begin: Sequence[int], end: int, most: Sequence[int], search: Search
) -> list[list[Found]]:
    """Return the translations found for each source, the best first.

    `begin` is what every translation begins with, the start included; source i is translated into at most `most[i]`
    pieces.
    """
    sources = [_Source(limit) for limit in most]
    rows = [_Row(number, number) for number in range(len(sources))]
    for forced in begin[:-1]:
        step(np.full(len(rows), forced), np.array([row.parent for row in rows]))
    last = [begin[-1]] * len(rows)
    while rows:
        scores = step(np.array(last), np.array([row.parent for row in rows]))
        rows = _next(rows, scores, sources, end=end, search=search)
        last = [row.pieces[-1] for row in rows]
    return [
        sorted(one.found, key=lambda found: (not found.ended, -found.score))[: search.hypotheses] for one in sources
    ]


def _next(
    rows: Sequence[_Row], scores: NDArray[np.float32], sources: Sequence[_Source], *, end: int, search: Search
) -> list[_Row]:
    """Return the rows that are pursued, and note what has ended."""
    going: list[_Row] = []
    for number, places in _by_source(rows).items():
        source = sources[number]
        kept: list[_Row] = []
        for rank, (place, piece, total) in enumerate(_best(rows, places, scores, search)):
            row = rows[place]
            if piece == end:
                if rank < search.beam:
                    source.found.append(Found(row.pieces, total / (len(row.pieces) + 1), ended=True))
            elif len(kept) < search.beam:
                kept.append(_Row(number, place, (*row.pieces, piece), total))
        patience = 1 if search.beam == 1 else _PATIENCE
        if len(source.found) >= patience * search.beam or not kept:
            continue
        if len(kept[0].pieces) >= source.most:
            source.found += [row.found for row in kept]
            continue
        going += kept
    return going


def _by_source(rows: Sequence[_Row]) -> dict[int, list[int]]:
    """Return the places of each source's rows."""
    found: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        found.setdefault(row.source, []).append(place)
    return found


def _best(
    rows: Sequence[_Row], places: Sequence[int], scores: NDArray[np.float32], search: Search
) -> list[tuple[int, int, float]]:
    """Return the best ways to go on from some rows, the best first: the row's place, the piece, the total."""
    totals = scores[places[0] : places[-1] + 1].astype(np.float64)
    totals += np.array([rows[place].total for place in places])[:, None]
    if search.no_repeat:
        for place, row in zip(places, totals, strict=True):
            row[_repeated(rows[place].pieces, search.no_repeat)] = -np.inf
    flat = totals.reshape(-1)
    wanted = min(2 * search.beam, len(flat))
    chosen = np.argpartition(flat, len(flat) - wanted)[len(flat) - wanted :]
    chosen = chosen[np.lexsort((chosen, -flat[chosen]))]
    width = totals.shape[1]
    return [(places[int(one) // width], int(one) % width, float(flat[one])) for one in chosen if np.isfinite(flat[one])]


def _repeated(pieces: Sequence[int], size: int) -> list[int]:
    """Return the pieces after which the last `size` would be there twice.

    >>> _repeated((1, 2, 3, 1, 2), 3)
    [3]
    """
    if len(pieces) < size:
        return []
    last = tuple(pieces[len(pieces) - size + 1 :])
    runs = (tuple(pieces[start : start + size]) for start in range(len(pieces) - size + 1))
    return [run[-1] for run in runs if run[:-1] == last]


def log_softmax(logits: NDArray[Any]) -> NDArray[np.float32]:
    """Return log probabilities (rows, pieces).

    >>> np.exp(log_softmax(np.zeros((1, 4)))).tolist()
    [[0.25, 0.25, 0.25, 0.25]]
    """
    shifted = logits - logits.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    found: NDArray[np.float32] = shifted
    return found
