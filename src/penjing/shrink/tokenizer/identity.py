"""Proof, text by text, that a trimmed tokenizer reads what it kept as before, and what it costs elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from penjing.errors import ModelError
from penjing.shrink.tokenizer.base import ranks

_BATCH = 512


@dataclass(frozen=True)
class TrimReport:
    """How texts are read before and after a trim. Pieces include the special ones that frame every text."""

    texts: int
    unchanged: int
    changed: int
    rate: float
    """changed / texts."""
    unk_rate_before: float
    unk_rate_after: float
    """Unknown pieces as a share of all pieces."""
    mean_pieces_before: float
    mean_pieces_after: float
    changed_indices: tuple[int, ...]


def check_identity(old: Tokenizer, new: Tokenizer, keep: Sequence[int], texts: Sequence[str]) -> TrimReport:
    """Return how the reading of `texts` changed, having checked the law for each.

    The law: where every piece that `old` gives is in `keep` and none is the unknown piece, `new` gives the
    same pieces, their ids mapped to their ranks in `keep`. Truncation and padding are ignored.

    Raises:
        ModelError: the law is broken for a text.
    """
    new_ids = ranks(keep)
    unknown_old, unknown_new = _unknown(old), _unknown(new)
    pieces, unknown, changed = np.zeros(2, np.int64), np.zeros(2, np.int64), []
    pairs = zip(encode(unlimited(old), texts), encode(unlimited(new), texts), strict=True)
    for index, (before, after) in enumerate(pairs):
        mapped = [new_ids.get(one) for one in before]
        if mapped != after:
            if None not in mapped and unknown_old not in before:
                raise _broken(index, len(before), len(after))
            changed.append(index)
        pieces += (len(before), len(after))
        unknown += (before.count(unknown_old), after.count(unknown_new))
    return _report(len(texts), changed, pieces, unknown)


def encode(tokenizer: Tokenizer, texts: Sequence[str], *, special: bool = True) -> Iterator[list[int]]:
    """Yield the ids of each text, a batch of texts in memory at a time."""
    for start in range(0, len(texts), _BATCH):
        batch = list(texts[start : start + _BATCH])
        yield from (encoding.ids for encoding in tokenizer.encode_batch_fast(batch, add_special_tokens=special))


def unlimited(tokenizer: Tokenizer) -> Tokenizer:
    """Return the tokenizer without truncation and padding; the argument stays as it is."""
    if tokenizer.truncation is None and tokenizer.padding is None:
        return tokenizer
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def _unknown(tokenizer: Tokenizer) -> int:
    """Return the id of the unknown piece, or -1 where there is none."""
    model = json.loads(tokenizer.to_str())["model"]
    found = model["unk_id"] if "unk_id" in model else model["vocab"].get(model["unk_token"])
    return -1 if found is None else int(found)


def _broken(index: int, before: int, after: int) -> ModelError:
    return ModelError(
        "the trimmed tokenizer reads a text differently, though every piece of it was kept",
        value=f"text {index}: {before} pieces before, {after} after",
        rule="kept pieces are read as before",
        next_step="Keep the whole vocabulary, and report this tokenizer as a bug",
    )


def _report(texts: int, changed: list[int], pieces: NDArray[np.int64], unknown: NDArray[np.int64]) -> TrimReport:
    before, after = (unknown / np.maximum(pieces, 1)).tolist()
    mean_before, mean_after = (pieces / max(texts, 1)).tolist()
    return TrimReport(
        texts=texts,
        unchanged=texts - len(changed),
        changed=len(changed),
        rate=len(changed) / max(texts, 1),
        unk_rate_before=before,
        unk_rate_after=after,
        mean_pieces_before=mean_before,
        mean_pieces_after=mean_after,
        changed_indices=tuple(changed),
    )
