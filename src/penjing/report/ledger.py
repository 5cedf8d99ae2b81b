"""The ledger: what each step took off, and what it cost."""

from __future__ import annotations

from penjing.report import show
from penjing.report.figures import bar, signed_bar
from penjing.report.markup import Markup, data, el, join
from penjing.report.model import LedgerRow, RunReport
from penjing.report.tables import Column, number, row, table
from penjing.report.words import Words


def ledger_section(run: RunReport, *, say: Words) -> Markup | None:
    """Return the steps from the teacher to the choice, or None where there were none."""
    if not run.ledger:
        return None
    unit = say.pair(f"unit.{show.unit(run.bar.metric)}-short")
    columns = [
        Column(say.pair("ledger.step")),
        Column(say.pair("ledger.size"), "number"),
        Column(say.pair("ledger.bar"), "drawn"),
        Column(say.pair("ledger.parameters"), "number"),
        Column(say.pair("ledger.p50"), "number"),
        Column(say.pair("ledger.quality", metric=say.pair(f"metric.{run.bar.metric}")), "number"),
        Column(say.pair("ledger.change", unit=unit), "number"),
        Column(say.pair("ledger.change-bar"), "drawn"),
    ]
    largest = max((r.size_bytes or 0 for r in run.ledger), default=0)
    swing = max((abs(r.delta) for r in run.ledger if r.delta is not None), default=0.0)
    before = [None, *run.ledger[:-1]]
    rows = [_row(run, this, last, largest=largest, swing=swing) for last, this in zip(before, run.ledger, strict=True)]
    return join(el("p", say("ledger.read")), table(columns, rows, caption=say.pair("ledger.caption"), kind="ledger"))


def _row(run: RunReport, this: LedgerRow, last: LedgerRow | None, *, largest: int, swing: float) -> Markup:
    metric, quality, delta = run.bar.metric, this.quality, this.delta
    values = show.step("", this.values).strip()
    return row(
        join(data(this.step), el("small", data(values)) if values else None),
        number(show.NOT_MEASURED if this.size_bytes is None else show.size(this.size_bytes)),
        el("td", _size_bar(this, last, largest), class_="drawn"),
        number(show.NOT_MEASURED if this.parameters is None else show.parameters(this.parameters)),
        number(show.NOT_MEASURED if this.p50_s is None else show.latency(this.p50_s)),
        number(
            show.NOT_MEASURED
            if quality is None
            else join(show.digits(quality.value, metric), " ", el("small", show.interval(quality.ci, metric)))
        ),
        number(show.NOT_MEASURED if delta is None else show.signed(delta, metric)),
        el("td", None if delta is None else signed_bar(delta, largest=swing), class_="drawn"),
    )


def _size_bar(this: LedgerRow, last: LedgerRow | None, largest: int) -> Markup | None:
    if this.size_bytes is None or not largest:
        return None
    before = last.size_bytes / largest if last is not None and last.size_bytes else 0.0
    return bar(this.size_bytes / largest, before=before)
