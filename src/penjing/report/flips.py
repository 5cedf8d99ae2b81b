"""The examples that teacher and choice answer differently, the broken ones first."""

from __future__ import annotations

from penjing.report import show
from penjing.report.markup import Markup, el, join, label
from penjing.report.model import Direction, Flip, FlipCounts, RunReport
from penjing.report.tables import Column, cell, folded, row, table
from penjing.report.words import Pair, Words

SHOWN = 20
KEPT = 200
"""More than this many examples of one kind are counted, not listed: the file stays small."""
_CHARACTERS = 600
_DIRECTIONS: tuple[Direction, ...] = ("broken", "fixed", "both wrong")


def flips_section(run: RunReport, *, say: Words) -> Markup | None:
    """Return the flipped examples by direction, or None where they were not compared."""
    counts = run.flip_counts
    if counts is None:
        return None
    parts = [_direction(run, direction, counts, say=say) for direction in _DIRECTIONS]
    return join(_summary(counts, say=say), parts)


def _summary(counts: FlipCounts, *, say: Words) -> Markup:
    flipped = counts.broken + counts.fixed + counts.both_wrong
    rate = show.share(flipped / counts.n) if counts.n else show.NOT_MEASURED
    shown = {
        "broken": counts.broken,
        "fixed": counts.fixed,
        "both": counts.both_wrong,
        "flipped": flipped,
        "n": counts.n,
    }
    return el(
        "p",
        say("flips.summary", rate=rate, **{name: show.count(n) for name, n in shown.items()}),
        class_="lead",
    )


def _direction(run: RunReport, direction: Direction, counts: FlipCounts, *, say: Words) -> Markup | None:
    key = direction.replace(" ", "-")
    found = [flip for flip in run.flips if flip.direction == direction]
    if not found:
        return None
    total = {"broken": counts.broken, "fixed": counts.fixed, "both wrong": counts.both_wrong}[direction]
    first, rest = found[:SHOWN], found[SHOWN:KEPT]
    caption = say.pair(f"flips.{key}", shown=show.count(len(first)), total=show.count(total))
    more = None
    if rest:
        unlisted = total - len(first) - len(rest)
        note = el("p", say("flips.unlisted", n=show.count(unlisted)), class_="small") if unlisted > 0 else None
        rest_table = _table(rest, say.pair("flips.rest"), say=say)
        more = folded(say("more.examples", n=show.count(len(rest))), rest_table, note)
    return join(_table(first, caption, say=say), more)


def _table(flips: list[Flip], caption: Pair, *, say: Words) -> Markup:
    columns = [
        Column(say.pair("flips.text")),
        Column(say.pair("flips.truth")),
        Column(say.pair("flips.teacher")),
        Column(say.pair("flips.choice")),
    ]
    return table(columns, [_row(flip, say=say) for flip in flips], caption=caption, kind="flips")


def _row(flip: Flip, *, say: Words) -> Markup:
    return row(
        _text(flip.text, say=say),
        cell(label(flip.truth)),
        _answer(flip.teacher_label, flip.teacher_score),
        _answer(flip.choice_label, flip.choice_score),
    )


def _text(text: str, *, say: Words) -> Markup:
    cut = len(text) - _CHARACTERS
    if cut <= 0:
        return el("bdi", text, class_="text")
    more = el("small", say("flips.cut", n=show.count(cut)))
    return join(el("bdi", text[:_CHARACTERS], "…", class_="text"), more)


def _answer(answer: str, score: float) -> Markup:
    return cell(label(answer), " ", el("small", f"{score:.2f}"))
