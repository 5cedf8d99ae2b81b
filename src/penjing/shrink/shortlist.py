"""Which target pieces each source piece may become: the engine then chooses among few instead of all.

Sources: Brown et al. 1993, "The Mathematics of Statistical Machine Translation" (their first model); Devlin 2017,
"Sharp Models on Dull Hardware" and Kim et al. 2019, "From Research to Production and Back" (shortlists).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from penjing.masking import SENTINELS
from penjing.train.pieces import PAD
from penjing.train.seq2seq import PairRows

_ROUNDS = 4
_BEST = 64  # target pieces of a source piece
_LEAST = 0.3  # times that a source piece became a target piece, as expected
_FREQUENT = 200  # target pieces that may always come
_MOST_PAIRS = 40_000  # of sentences, that probabilities are learned from

Ints = NDArray[np.int64]


def shortlist(rows: PairRows, *, pieces: int) -> dict[int, list[int]]:
    """Return for each source piece the target pieces it is likely to become, the likeliest first; -1 is for any."""
    sources, targets, sentence = _links(rows)
    known, place = np.unique(sources * pieces + targets, return_inverse=True)
    weights: NDArray[np.float64] = np.ones(len(known))
    for _ in range(_ROUNDS):
        weights = _normalised(weights, known // pieces, pieces)
        share = weights[place] / np.bincount(sentence, weights[place])[sentence]
        weights = np.asarray(np.bincount(place, share, minlength=len(known)), np.float64)
    found: dict[int, list[int]] = {}
    order = np.lexsort((-weights, known // pieces))
    for link in known[order[weights[order] >= _LEAST]]:
        chosen = found.setdefault(int(link // pieces), [])
        if len(chosen) < _BEST:
            chosen.append(int(link % pieces))
    counts = np.bincount(targets, minlength=pieces)
    found[-1] = [int(piece) for piece in np.argsort(-counts, kind="stable")[:_FREQUENT]]
    return found


def shortlist_rows(found: Mapping[int, Sequence[int]], pieces: Sequence[str]) -> list[list[int]]:
    """Return the pieces that may always come, and then those of each source piece that are not among them.

    Sentinels and bytes may always come, padding never.

    >>> shortlist_rows({-1: [2, 4], 1: [2, 3]}, ["<unk>", "a", "b", "c", "<pad>"])
    [[0, 2], [], [3], [], [], []]
    """
    special = [number for number, piece in enumerate(pieces) if piece.startswith("<") or piece in SENTINELS]
    always = dict.fromkeys(number for number in [*special, *found.get(-1, ())] if pieces[number] != PAD)
    further = [[piece for piece in found.get(source, ()) if piece not in always] for source in range(len(pieces))]
    return [list(always), *further]


def _links(rows: PairRows) -> tuple[Ints, Ints, Ints]:
    """Return each source piece with each target piece of its pair, and the number of the target piece's place."""
    sources, targets, places = [], [], []
    count = 0
    step = max(1, len(rows.tokens) // _MOST_PAIRS)
    for row in range(0, len(rows.tokens), step):
        start, end = rows.tokens.starts[row], rows.tokens.starts[row + 1]
        middle = start + rows.source_lengths[row]
        source, target = rows.tokens.ids[start : middle - 1], rows.tokens.ids[middle : end - 1]
        if len(source) and len(target):
            sources.append(np.tile(source, len(target)))
            targets.append(np.repeat(target, len(source)))
            places.append(count + np.repeat(np.arange(len(target)), len(source)))
            count += len(target)
    return tuple(np.concatenate(parts).astype(np.int64) for parts in (sources, targets, places))  # type: ignore[return-value]


def _normalised(weights: NDArray[np.float64], sources: Ints, pieces: int) -> NDArray[np.float64]:
    """Return weights that add up to 1 for each source piece."""
    return np.asarray(weights / np.bincount(sources, weights, minlength=pieces)[sources])
