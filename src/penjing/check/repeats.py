"""Texts that are there more than once: repeats, contradictions, near-duplicates, and leaks between splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from penjing.check.finding import Finding, Parts, Place, shown
from penjing.data.near import near_duplicate_groups

_ORDER = ("test", "dev", "train")
"""Where a text is in two splits it stays in the first of these."""


def find_repeats(parts: Parts) -> Iterator[Finding]:
    """Yield what is wrong with texts that are there more than once."""
    empty = [(part, row) for part, found in parts.items() for row, one in enumerate(found) if not one.text]
    if empty:
        yield Finding(name="empty texts", severity="warning", says=f"{len(empty):,} rows have no text",
                      fix="left out", places=tuple(empty), dropped=True)  # fmt: skip
    bare = [
        (part, row) for part, found in parts.items() for row, one in enumerate(found) if one.text and not one.labels
    ]
    if bare:
        yield Finding(name="no label", severity="error", says=f"{len(bare):,} rows have no label", fix="left out",
                      places=tuple(bare), examples=shown(parts, bare), dropped=True)  # fmt: skip
    for part, examples in parts.items():
        first: dict[str, int] = {}
        repeats, against = [], []
        for row, one in enumerate(examples):
            if not one.text:
                continue
            if one.text not in first:
                first[one.text] = row
            elif examples[first[one.text]].labels == one.labels:
                repeats.append((part, row))
            else:
                against.append((part, row))
        if repeats:
            yield Finding(name="repeats", severity="warning",
                          says=f"{len(repeats):,} rows of {part} repeat an earlier text with its label",
                          fix="left out but for the first", places=tuple(repeats), examples=shown(parts, repeats),
                          dropped=True)  # fmt: skip
        if against:
            yield _contradictions(parts, part, first, against)
    yield from _near(parts)


def _contradictions(parts: Parts, part: str, first: dict[str, int], against: list[Place]) -> Finding:
    examples = parts[part]
    marks = {
        place: f"{'|'.join(examples[place[1]].labels)}, and in row {first[examples[place[1]].text] + 1} "
        f"{'|'.join(examples[first[examples[place[1]].text]].labels)}"
        for place in against
    }
    texts = {examples[row].text for _, row in against}
    everywhere = tuple((part, row) for row, one in enumerate(examples) if one.text in texts)
    return Finding(name="contradictions", severity="error",
                   says=f"{len(texts):,} texts of {part} have two labels or more",
                   fix="left out: nobody knows which label is right", places=everywhere,
                   examples=shown(parts, against, mark=marks), dropped=True)  # fmt: skip


def _near(parts: Parts) -> Iterator[Finding]:
    """Yield near-duplicates of a text in another split, and inside one split."""
    places = [(part, row) for part in _ORDER if part in parts for row in range(len(parts[part]))]
    places = [place for place in places if parts[place[0]][place[1]].text]
    groups = near_duplicate_groups([parts[part][row].text for part, row in places]).tolist()
    members: dict[int, list[Place]] = defaultdict(list)
    for place, group in zip(places, groups, strict=True):
        members[group].append(place)
    leaks = [place for found in members.values() for place in found if place[0] != found[0][0]]
    marks = {place: f"like {found[0][0]} {found[0][1] + 1}" for found in members.values() for place in found[1:]}
    if leaks:
        yield Finding(name="leaks", severity="error",
                      says=f"{len(leaks):,} texts are like others in another split: quality would be flattered",
                      fix="left out of the split that is not judged last", places=tuple(leaks),
                      examples=shown(parts, leaks, mark=marks), dropped=True)  # fmt: skip
    inside = [
        place
        for found in members.values()
        for place in found[1:]
        if place[0] == found[0][0] and parts[place[0]][place[1]].text != parts[found[0][0]][found[0][1]].text
    ]
    if inside:
        yield Finding(name="near-duplicates", severity="note",
                      says=f"{len(inside):,} texts are near-duplicates of an earlier one in the same split",
                      fix="kept; a split made here keeps each group in one part", places=tuple(inside),
                      examples=shown(parts, inside, mark=marks))  # fmt: skip
