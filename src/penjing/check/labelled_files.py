"""All checks of labelled pictures and sounds: unreadable files, repeats, contradictions, leaks, and what there is."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from penjing.check.finding import Finding, Place, Severity
from penjing.check.run import GRAVITY
from penjing.data.labelled_files import SOUNDS, Listed, Medium
from penjing.data.pictures import Unreadable, frame_for, read_listed
from penjing.data.sounds import seconds_of_most
from penjing.engines.pixels import Framing
from penjing.progress import Reporter
from penjing.sounds.spectrogram import Spectrogram

_SHOWN, _FEW = 5, 10
_MOST_SECONDS = 60.0


def check_files(
    parts: Mapping[str, Sequence[Listed]], medium: Medium, *, seed: int, reporter: Reporter
) -> list[Finding]:
    """Return everything that was found, the gravest first.

    Raises:
        DataError: no file can be read.
    """
    reporter.begin(medium.many)
    frame, sort = _framing(parts["train"], medium, seed=seed)
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
        _few(label, medium),
        _one_label(label, medium),
        _profile(parts, unreadable, sort),
    ]
    return sorted((one for one in found if one is not None), key=lambda one: GRAVITY.index(one.severity))


def _told(reporter: Reporter, total: int) -> Callable[[int], None]:
    return lambda done: reporter.advance(done, total)


def _finding(
    parts: Mapping[str, Sequence[Listed]], name: str, severity: Severity, groups: Sequence[list[Place]], fix: str
) -> Finding | None:
    if not groups:
        return None
    shown = tuple(" = ".join(_name(parts, place) for place in places[:_SHOWN]) for places in groups[:_SHOWN])
    says = f"there more than once: {len(groups):,}"
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
        says=f"files that cannot be read: {len(found):,}",
        fix="Save them again, or leave them: fit goes on without them and lists them in unreadable.jsonl",
        places=tuple(found),
        examples=tuple(f"{_name(parts, place)}: {why}" for place, why in list(found.items())[:_SHOWN]),
    )


def _few(label: Mapping[Place, str], medium: Medium) -> Finding | None:
    counts = Counter(name for (part, _), name in label.items() if part == "train")
    few = sorted(name for name, count in counts.items() if count < _FEW)
    if not few:
        return None
    says = f"labels with fewer than {_FEW} {medium.many} to learn from: {len(few):,}"
    return Finding(
        name="rare labels", severity="warning", says=says, fix=f"Add {medium.many}", examples=tuple(few[:_SHOWN])
    )


def _one_label(label: Mapping[Place, str], medium: Medium) -> Finding | None:
    names = {name for (part, _), name in label.items() if part == "train"}
    if len(names) > 1:
        return None
    return Finding(
        name="one label",
        severity="error",
        says=f"every {medium.one} is {', '.join(names)}",
        fix="A classifier needs two",
    )


def _framing(listed: Sequence[Listed], medium: Medium, *, seed: int) -> tuple[Framing, str]:
    """Return how the files are read to be compared, and what there is to say of them all."""
    if medium is SOUNDS:
        seconds = seconds_of_most(listed, most=_MOST_SECONDS, seed=seed)
        return Spectrogram(bands=64, moments=64, seconds=seconds), f"Nearly all are at most {seconds} s long"
    frame = frame_for(listed, seed=seed)
    colours = "grey" if frame.channels == 1 else "in colour"
    return frame, f"They are {colours}; a new model would read them at {frame.size} x {frame.size}"


def _profile(parts: Mapping[str, Sequence[Listed]], unreadable: Mapping[Place, str], sort: str) -> Finding:
    read = {part: len(listed) - sum(where == part for where, _ in unreadable) for part, listed in parts.items()}
    counts = "; ".join(
        f"{part}: {read[part]:,}, of so many labels: {len({one.label for one in listed}):,}"
        for part, listed in parts.items()
    )
    return Finding(name="profile", severity="note", says=f"{counts}. {sort}", fix="nothing")


def _name(parts: Mapping[str, Sequence[Listed]], place: Place) -> str:
    part, row = place
    return f"{part}: {parts[part][row].name} ({parts[part][row].label})"
