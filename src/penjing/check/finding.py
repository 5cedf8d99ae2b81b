"""One thing that is wrong with data, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from penjing.check.personal_marks import without_personal
from penjing.data.dataset import Example
from penjing.records import Record

Severity = Literal["error", "warning", "note"]
Parts = Mapping[str, Sequence[Example]]
"""The examples of each file: "train", and "dev" and "test" where they are given."""
Place = tuple[str, int]
"""A part, and the number of a row in it, from 0."""

_SHOWN, _LONGEST = 3, 100


class Finding(Record):
    """Rows that share a fault; `places` are all of them."""

    name: str
    severity: Severity
    says: str
    fix: str
    places: tuple[Place, ...] = ()
    examples: tuple[str, ...] = ()
    """Some of the texts, cut to 100 characters."""
    dropped: bool = False
    """Whether a cleaned file leaves these rows out."""
    suggestions: Mapping[str, str] = {}
    """By "part:row": the label that a row is likely to have."""

    def counted_from_one(self) -> dict[str, Any]:
        """Return it as JSON has it: rows are counted from 1, as they are shown."""
        found = self.model_dump(mode="json")
        found["places"] = [[part, row + 1] for part, row in self.places]
        found["suggestions"] = {
            f"{part}:{int(row) + 1}": label
            for place, label in self.suggestions.items()
            for part, row in [place.split(":")]
        }
        return found


def shown(parts: Parts, places: Iterable[Place], *, mark: Mapping[Place, str] | None = None) -> tuple[str, ...]:
    """Return the first texts at some places, cut, each with its mark, and without personal data.

    >>> shown({"train": [Example("a  b", ("x",))]}, [("train", 0)])
    ('train, row 1: a b',)
    """
    found = []
    for part, row in list(places)[:_SHOWN]:
        text = without_personal(" ".join(parts[part][row].text.split()))
        cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        note = f"  [{mark[part, row]}]" if mark and (part, row) in mark else ""
        found.append(f"{part}, row {row + 1}: {cut}{note}")
    return tuple(found)
