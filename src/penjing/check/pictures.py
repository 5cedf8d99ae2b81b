"""All checks of labelled pictures: files that cannot be read, repeats, contradictions, leaks, and what there is."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from penjing.check.finding import Finding, Place, Severity
from penjing.data.picture_sources import Listed
from penjing.data.pictures import Unreadable, frame_for, read_listed
from penjing.progress import Reporter

_SHOWN, _FEW = 5, 10


def check_pictures(parts: Mapping[str, Sequence[Listed]], *, seed: int, reporter: Reporter) -> list[Finding]:
    """Return everything that was found, the gravest first.

    Raises:
        DataError: no picture can be read.
    """
    reporter.begin("pictures")
    frame = frame_for(parts["train"], seed=seed)
    seen: dict[str, list[Place]] = defaultdict(list)
    unreadable: dict[Place, str] = {}
    for part, listed in parts.items():
        for row, (_, read) in enumerate(read_listed(listed, frame, progress=_told(reporter, len(listed)))):
            if isinstance(read, Unreadable):
                unreadable[part, row] = read.why
            else:
                seen[hashlib.sha256(read.tobytes()).hexdigest()].append((part, row))
    reporter.end(f"{sum(map(len, seen.values())):,} read", reused=False)
    groups = [places for places in seen.values() if len(places) > 1]
    label = {(part, row): one.label for part, listed in parts.items() for row, one in enumerate(listed)}
    contradictory = [places for places in groups if len({label[place] for place in places}) > 1]
    leaks = [places for places in groups if len({part for part, _ in places}) > 1]
    repeats = [places for places in groups if places not in contradictory and places not in leaks]
    found = [
        _finding(parts, "contradictions", "error", contradictory, "Keep one label of each: fit drops them all"),
        _finding(parts, "leaks", "error", leaks, "Take them out of one split: fit drops them from the larger"),
        _unreadable(parts, unreadable),
        _finding(parts, "repeats", "warning", repeats, "Nothing need be done: fit keeps one of each"),
        _few(label),
        _profile(parts, side=frame.size, channels=frame.channels),
    ]
    return [one for one in found if one is not None]


def _told(reporter: Reporter, total: int) -> Callable[[int], None]:
    return lambda done: reporter.advance(done, total)


def _finding(
    parts: Mapping[str, Sequence[Listed]], name: str, severity: Severity, groups: Sequence[list[Place]], fix: str
) -> Finding | None:
    if not groups:
        return None
    shown = tuple(" = ".join(_name(parts, place) for place in places[:_SHOWN]) for places in groups[:_SHOWN])
    says = f"{len(groups):,} pictures are there more than once"
    return Finding(
        name=name, severity=severity, says=says, fix=fix, places=tuple(one for group in groups for one in group),
        examples=shown,
    )  # fmt: skip


def _unreadable(parts: Mapping[str, Sequence[Listed]], found: Mapping[Place, str]) -> Finding | None:
    if not found:
        return None
    return Finding(
        name="unreadable",
        severity="warning",
        says=f"{len(found):,} files cannot be read",
        fix="Save them again, or leave them: fit goes on without them and lists them in unreadable.jsonl",
        places=tuple(found),
        examples=tuple(f"{_name(parts, place)}: {why}" for place, why in list(found.items())[:_SHOWN]),
    )


def _few(label: Mapping[Place, str]) -> Finding | None:
    counts = Counter(name for (part, _), name in label.items() if part == "train")
    few = sorted(name for name, count in counts.items() if count < _FEW)
    if not few:
        return None
    says = f"{len(few):,} labels have fewer than {_FEW} pictures to learn from"
    return Finding(name="rare labels", severity="warning", says=says, fix="Add pictures", examples=tuple(few[:_SHOWN]))


def _profile(parts: Mapping[str, Sequence[Listed]], *, side: int, channels: int) -> Finding:
    counts = "; ".join(
        f"{part}: {len(listed):,}, {len({one.label for one in listed}):,} labels" for part, listed in parts.items()
    )
    colours = "grey" if channels == 1 else "in colour"
    says = f"{counts}. They are {colours}; a new model would read them at {side} x {side}"
    return Finding(name="profile", severity="note", says=says, fix="nothing")


def _name(parts: Mapping[str, Sequence[Listed]], place: Place) -> str:
    part, row = place
    return f"{part}: {parts[part][row].name} ({parts[part][row].label})"
