"""Further training examples: a file of its own, beside the data that is split."""

from __future__ import annotations

import hashlib
from pathlib import Path

from penjing.data.checks import clean
from penjing.data.dataset import Example
from penjing.data.labels import to_examples
from penjing.data.leaks import apart
from penjing.data.readers import iter_rows
from penjing.errors import DataError
from penjing.spec import DataSpec

MADE_FROM = "made_from"
"""The column that says of what text a row was made, by its mark."""


def source_mark(text: str) -> str:
    """Return what stands for a text in the column `made_from` of what was made of it."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def further_examples(
    spec: DataSpec, train: tuple[Example, ...], held_out: tuple[Example, ...]
) -> tuple[tuple[Example, ...], list[str]]:
    """Return the examples of `spec.more` that train has not, and what to say of them.

    Left out is what was made from a text that is held out, or is a near-duplicate of one. The file has a header.

    Raises:
        DataError: the file cannot be read, or has labels that train has not.
    """
    assert spec.more is not None
    held = {source_mark(example.text) for example in held_out}
    rows = list(iter_rows(Path(spec.more)))
    usable = [row for row in rows if row.get(MADE_FROM) not in held]
    found = clean(to_examples(usable, spec, origin=spec.more), origin="more")
    known, labels = {one.text for one in train}, {name for one in train for name in one.labels}
    new = tuple(one for one in found.examples if one.text not in known)
    if strange := {name for one in new for name in one.labels} - labels:
        raise DataError(
            "data.more has labels that train has not",
            value=", ".join(sorted(strange)[:5]),
            rule=", ".join(sorted(labels)[:20]),
        )
    kept = apart(new, held_out)
    notes = [*found.notes, f"more: {len(kept):,} training examples added"]
    if len(usable) < len(rows):
        notes.append(f"more: {len(rows) - len(usable):,} that were made from dev or test texts dropped")
    if len(kept) < len(new):
        notes.append(f"more: {len(new) - len(kept):,} near-duplicates of dev or test texts dropped")
    return kept, notes
