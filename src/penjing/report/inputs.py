"""What each input of a row gives, where rows have several."""

from __future__ import annotations

from penjing.records import Quality
from penjing.report import show
from penjing.report.markup import Markup, el, join
from penjing.report.model import Contribution, RunReport
from penjing.report.tables import Column, number, row, table
from penjing.report.words import Words


def inputs_section(run: RunReport, *, say: Words) -> Markup | None:
    """Return the table of inputs, or None where there is one alone."""
    if not run.contributions:
        return None
    teacher = next((trial.quality for trial in run.trials if trial.name == run.teacher), None)
    columns = [Column(say.pair("inputs.input"))]
    columns += [Column(say.pair(f"inputs.{name}"), "number") for name in ("present", "alone", "without", "lost")]
    rows = [_row(one, teacher.value if teacher else None) for one in run.contributions]
    return join(el("p", say("inputs.read")), table(columns, rows, caption=say.pair("inputs.caption")))


def _row(one: Contribution, whole: float | None) -> Markup:
    lost = None if whole is None else whole - one.without.value
    return row(
        one.input,
        number(f"{one.present:.0%}", one.present),
        number(_quality(one.alone), one.alone.value),
        number(_quality(one.without), one.without.value),
        number("" if lost is None else show.signed(-lost, one.without.metric), lost or 0.0),
    )


def _quality(found: Quality) -> str:
    return f"{show.quality(found.value, found.metric)} ({show.interval(found.ci, found.metric)})"
