"""What was expected of the teacher before it was trained, and what came of it."""

from __future__ import annotations

from penjing.report import show
from penjing.report.markup import Markup, el, join
from penjing.report.model import Expectation, RunReport
from penjing.report.tables import Column, number, row, table
from penjing.report.words import Words


def expected_section(run: RunReport, *, say: Words) -> Markup | None:
    """Return the table of estimates and measurements, or None where nothing was estimated."""
    if not run.expected:
        return None
    columns = [Column(say.pair("expected.figure"))]
    columns += [Column(say.pair(f"expected.{name}"), "number") for name in ("value", "range", "measured", "ratio")]
    rows = [_row(found, say=say) for found in run.expected]
    return join(
        el("p", say("expected.read")),
        table(columns, rows, caption=say.pair("expected.caption")),
    )


def _row(found: Expectation, *, say: Words) -> Markup:
    shown = {"size": show.size, "memory": show.size, "answer": show.latency, "training": show.duration}[found.figure]
    return row(
        say(f"expected.{found.figure}"),
        number(shown(found.value), found.value),
        number(f"{shown(found.low)} – {shown(found.high)}"),
        number(shown(found.measured), found.measured),
        number(f"{found.measured / found.value:.2f}×", found.measured / found.value),
    )
