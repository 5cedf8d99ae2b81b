"""Which target pieces each source piece may become: the engine then chooses among few instead of all.

Sources: Brown et al. 1993, "The Mathematics of Statistical Machine Translation" (their first model); Devlin 2017,
"Sharp Models on Dull Hardware" and Kim et al. 2019, "From Research to Production and Back" (shortlists).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from penjing.masking import SENTINELS
from penjing.train.seq2seq import PairRows

_ROUNDS = 4
_BEST = 64  # target pieces of a source piece
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
    for link in known[order]:
        chosen = found.setdefault(int(link // pieces), [])
        if len(chosen) < _BEST:
            chosen.append(int(link % pieces))
    counts = np.bincount(targets, minlength=pieces)
    found[-1] = [int(piece) for piece in np.argsort(-counts, kind="stable")[:_FREQUENT]]
    return found


def mapping_text(found: Mapping[int, Sequence[int]], pieces: Sequence[str]) -> str:
    """Return the shortlist as CTranslate2 reads it: source pieces, a tab, target pieces; nothing before it is any.

    Sentinels, bytes and what has no line in the file are always allowed.
    """
    special = [piece for piece in pieces if piece.startswith("<") or piece in SENTINELS]
    always = dict.fromkeys([*special, *(pieces[piece] for piece in found.get(-1, ()))])
    lines = ["\t" + " ".join(always)]
    for source, targets in sorted(found.items()):
        further = [pieces[piece] for piece in targets if pieces[piece] not in always]
        if source >= 0 and further:
            lines.append(pieces[source] + "\t" + " ".join(further))
    return "\n".join(lines) + "\n"


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
