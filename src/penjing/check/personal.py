"""Rows with personal data: what a model should not learn, and a report should not show."""

from __future__ import annotations

from collections.abc import Iterator

from penjing.check.finding import Finding, Parts, shown
from penjing.check.personal_marks import PERSONAL


def find_personal(parts: Parts) -> Iterator[Finding]:
    """Yield each kind of personal data; the texts are shown with marks in its place."""
    for name, mark, pattern, is_one in PERSONAL:
        places = [
            (part, row)
            for part, examples in parts.items()
            for row, one in enumerate(examples)
            if any(is_one(found[0]) for found in pattern.finditer(one.text))
        ]
        if places:
            yield Finding(name=name, severity="warning", says=f"{len(places):,} texts have {name}",
                          fix=f"replaced by {mark} in a cleaned file: do the same with what the model will read",
                          places=tuple(places), examples=shown(parts, places))  # fmt: skip
