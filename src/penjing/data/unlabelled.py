"""Texts without labels: students learn what the teacher says of them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from penjing.data.dataset import Splits
from penjing.data.near import near_duplicate_groups
from penjing.data.readers import iter_texts
from penjing.errors import DataError

MOST_TEXTS = 50_000


def read_unlabelled(path: Path, *, column: str, splits: Splits) -> tuple[str, ...]:
    """Return the texts of the file, each once, without those of train and near-duplicates of dev or test texts.

    The first 50,000 are read.

    Raises:
        DataError: the file cannot be read, or nothing is left of it.
    """
    known = {example.text for example in splits.train}
    stripped = (text.strip() for text in islice(iter_texts(path, column=column), MOST_TEXTS))
    texts = [text for text in dict.fromkeys(stripped) if text and text not in known]
    held_out = [example.text for example in (*splits.dev, *splits.test)]
    groups = near_duplicate_groups([*held_out, *texts]).tolist()
    held = set(groups[: len(held_out)])
    found = tuple(text for text, group in zip(texts, groups[len(held_out) :], strict=True) if group not in held)
    if not found:
        raise DataError(
            "no unlabelled text is left",
            value=str(path),
            rule="at least one that is neither in train nor a near-duplicate of a dev or test text",
            next_step="Remove `data.unlabelled`, or name a file of other texts",
        )
    return found
