"""More texts for a student to ask its teacher about, made from the pieces of the training texts.

Working on pieces, not words, it is the same for every language. Each copy of a text is changed in one of three
ways: pieces left out or replaced by ones drawn by frequency, a span cut out, or its first half joined to another
text's second half. The set is fixed, so that the teacher answers it once.

Source of the idea: Jiao et al. 2019, "TinyBERT" (task-specific augmentation for distillation).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from penjing.train.batches import Tokens, from_rows

_CHANGED = 0.15  # share of the pieces that are left out or replaced
_FLATTENED = 0.75  # exponent of the frequencies that replacements are drawn by
_WAYS = (0.4, 0.3, 0.3)

Row = NDArray[np.int32]


def augment(tokens: Tokens, *, copies: int, seed: int) -> Tokens:
    """Return the texts of `tokens`, followed by `copies` changed versions of each; first and last pieces stay.

    >>> grown = augment(from_rows([np.array([2, 8, 9, 3], np.int32)], pad_id=0), copies=2, seed=0)
    >>> len(grown), bool((grown.lengths <= 5).all())
    (3, True)
    """
    generator = np.random.default_rng(seed)
    rows = [tokens.ids[start:end] for start, end in zip(tokens.starts[:-1], tokens.starts[1:], strict=True)]
    drawn = _replacements(rows, generator)
    longest = int(tokens.lengths.max(initial=2))
    changed = [_changed(row, rows, drawn, longest, generator) for _ in range(copies) for row in rows]
    return from_rows([*rows, *changed], pad_id=tokens.pad_id)


def _replacements(rows: list[Row], generator: np.random.Generator) -> Row:
    """Return many pieces, drawn by their flattened frequency; first and last pieces of texts are not among them."""
    inner = np.concatenate([row[1:-1] for row in rows])
    if not len(inner):
        return inner
    pieces, counts = np.unique(inner, return_counts=True)
    shares = counts**_FLATTENED / (counts**_FLATTENED).sum()
    return generator.choice(pieces, size=len(inner), p=shares)


def _changed(row: Row, rows: list[Row], drawn: Row, longest: int, generator: np.random.Generator) -> Row:
    inner = row[1:-1]
    if len(inner) < 2:
        return row
    way = generator.choice(len(_WAYS), p=_WAYS)
    if way == 0:
        inner = _replaced(inner, drawn, generator)
    elif way == 1:
        length = max(2, int(len(inner) * generator.uniform(0.4, 0.9)))
        start = generator.integers(0, len(inner) - length + 1)
        inner = inner[start : start + length]
    else:
        other = rows[generator.integers(len(rows))][1:-1]
        inner = np.concatenate([inner[: len(inner) // 2], other[len(other) // 2 :]])[: longest - 2]
    return np.concatenate([row[:1], inner, row[-1:]])


def _replaced(inner: Row, drawn: Row, generator: np.random.Generator) -> Row:
    touched = generator.random(len(inner)) < _CHANGED
    replaced = np.where(touched, drawn[generator.integers(0, len(drawn), len(inner))], inner)
    kept = ~touched | (generator.random(len(inner)) < 0.5)
    return replaced[kept] if kept.any() else inner
