"""Where teacher and choice go wrong: confusion matrices, and F1 label by label."""

from __future__ import annotations

from penjing.report import show
from penjing.report.figures import signed_bar
from penjing.report.labels import shortened
from penjing.report.markup import Markup, data, el, join, label
from penjing.report.model import ClassChange, Counts, RunReport
from penjing.report.tables import Column, cell, folded, framed, number, row, table
from penjing.report.words import Pair, Words, spans

MATRIX_LABELS = 20
_LISTED = 20
_SHADES = 9


def confusion_section(run: RunReport, *, say: Words) -> Markup | None:
    """Return both matrices (the commonest confusions where there are many labels), or None without them."""
    parts = [_confusions(run, say=say), _per_class(run, say=say)]
    return join(parts) if any(parts) else None


def _confusions(run: RunReport, *, say: Words) -> Markup | None:
    teacher, choice = run.teacher_confusion, run.choice_confusion
    if choice is None:
        return None
    if len(run.labels) > MATRIX_LABELS:
        return _commonest(run.labels, teacher, choice, say=say)
    matrices = [("teacher", teacher), ("choice", choice)]
    drawn = [_matrix(run.labels, counts, say.pair(f"confusion.{who}"), say=say) for who, counts in matrices if counts]
    kind = "pair" if len(run.labels) <= 8 else "stack"
    return join(el("p", say("confusion.read")), el("div", drawn, class_=kind))


def _matrix(labels: tuple[str, ...], counts: Counts, caption: Pair, *, say: Words) -> Markup:
    upright = "upright" if len(labels) > 6 else None
    heads = [
        el(
            "th",
            el("span", data(shortened(name, limit=22) if upright else name), title=name),
            scope="col",
            class_=upright,
        )
        for name in labels
    ]
    corner = el("td", say("confusion.corner"), class_="corner")
    rows = [_matrix_row(labels, index, line) for index, line in enumerate(counts)]
    body = el(
        "table",
        el("caption", spans(caption)),
        el("thead", el("tr", corner, heads)),
        el("tbody", rows),
        class_="matrix",
    )
    return framed(body, caption=caption)


def _matrix_row(labels: tuple[str, ...], index: int, line: tuple[int, ...]) -> Markup:
    total = sum(line) or 1
    cells = [
        cell(str(n), class_=f"{'hit' if column == index else 'slip'} s{_shade(n / total)}")
        for column, n in enumerate(line)
    ]
    return row(label(labels[index]), *cells)


def _shade(share: float) -> int:
    return 0 if share <= 0 else 1 + min(_SHADES - 1, int(share**0.5 * _SHADES))


def _commonest(labels: tuple[str, ...], teacher: Counts | None, choice: Counts, *, say: Words) -> Markup:
    pairs = [(choice[t][a], t, a) for t in range(len(labels)) for a in range(len(labels)) if t != a and choice[t][a]]
    pairs.sort(key=lambda found: (-found[0], found[1], found[2]))
    columns = [
        Column(say.pair("confusion.truth")),
        Column(say.pair("confusion.answer")),
        Column(say.pair("confusion.by-choice"), "number"),
        Column(say.pair("confusion.by-teacher"), "number"),
    ]
    rows = [
        row(
            label(labels[t]),
            cell(label(labels[a])),
            number(show.count(n), n),
            number(show.NOT_MEASURED if teacher is None else show.count(teacher[t][a])),
        )
        for n, t, a in pairs[:_LISTED]
    ]
    shown, total = show.count(len(rows)), show.count(len(pairs))
    return table(columns, rows, caption=say.pair("confusion.commonest", shown=shown, total=total), kind="plain")


def _per_class(run: RunReport, *, say: Words) -> Markup | None:
    if not run.per_class:
        return None
    ranked = sorted(run.per_class, key=lambda c: (c.change, c.label))
    first, rest = ranked[:_LISTED], ranked[_LISTED:]
    largest = max(abs(c.change) for c in ranked)
    caption = say.pair("per-class.caption")
    shown = _class_table(first, caption, largest=largest, say=say)
    if not rest:
        return shown
    more = say("more.labels", n=show.count(len(rest)))
    return join(shown, folded(more, _class_table(rest, say.pair("per-class.rest"), largest=largest, say=say)))


def _class_table(classes: list[ClassChange], caption: Pair, *, largest: float, say: Words) -> Markup:
    columns = [
        Column(say.pair("per-class.label")),
        *(Column(say.pair(f"per-class.{name}"), "number") for name in ("n", "teacher", "choice", "change")),
        Column(say.pair("per-class.bar"), "drawn"),
    ]
    rows = [
        row(
            label(c.label),
            number(show.count(c.n), c.n),
            number(show.digits(c.teacher_f1, "f1"), c.teacher_f1),
            number(show.digits(c.choice_f1, "f1"), c.choice_f1),
            number(show.signed(c.change, "f1"), c.change),
            el("td", signed_bar(c.change, largest=largest), class_="drawn"),
        )
        for c in classes
    ]
    return table(columns, rows, caption=caption, kind="plain", sortable="sortable")
