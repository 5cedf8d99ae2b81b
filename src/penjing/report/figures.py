"""Small drawings: bars in tables, and the reliability diagram."""

from __future__ import annotations

from penjing.report.markup import Markup, el, join
from penjing.report.model import ReliabilityBin
from penjing.report.scale import Scale
from penjing.report.words import Pair, named, svg_text

_SIDE = 266.0
_FROM, _TO = 40.0, 250.0


def bar(share: float, *, before: float = 0.0) -> Markup:
    """Return a bar of `share` (0 to 1), on a paler one of what it was `before`."""
    return el(
        "svg",
        el("rect", class_="was", x=0, y=0, width=100 * before, height=8) if before > share else None,
        el("rect", class_="is", x=0, y=0, width=max(100 * share, 0.8), height=8),
        class_="bar",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def signed_bar(value: float, *, largest: float) -> Markup:
    """Return a bar from the middle: to the right for a gain, to the left for a loss."""
    width = 50 * min(1.0, abs(value) / largest) if largest else 0.0
    return el(
        "svg",
        el("line", class_="zero", x1=50, x2=50, y1=0, y2=8),
        el(
            "rect",
            class_="gain" if value >= 0 else "loss",
            x=50 - (width if value < 0 else 0),
            y=0,
            width=width,
            height=8,
        ),
        class_="bar",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def reliability(bins: tuple[ReliabilityBin, ...], *, title: Pair, description: Pair, x: Pair, y: Pair) -> Markup:
    """Return the reliability diagram: accuracy against probability, the diagonal being honesty.

    After Guo et al., 2017, "On Calibration of Modern Neural Networks".
    """
    across = Scale(0, 1, _FROM, _TO)
    up = Scale(0, 1, _TO - 24, 26)
    largest = max(b.n for b in bins)
    return el(
        "svg",
        named("title", title, id="reliability-title"),
        named("desc", description, id="reliability-desc"),
        [_grid(across, up, tick) for tick in (0.0, 0.25, 0.5, 0.75, 1.0)],
        el("line", class_="bar-line", x1=across(0), y1=up(0), x2=across(1), y2=up(1)),
        [_bin(b, across, up, largest=largest) for b in bins],
        svg_text(y, class_="axis-name", x=2, y=10),
        svg_text(x, class_="axis-name", x=_TO, y=_SIDE - 2, text_anchor="end"),
        class_="chart small",
        viewBox=f"0 0 {_SIDE:g} {_SIDE:g}",
        role="img",
        aria_labelledby="reliability-title reliability-desc",
    )


def _grid(across: Scale, up: Scale, tick: float) -> Markup:
    text = f"{tick * 100:g}"
    return join(
        el("line", class_="grid", x1=across(0), x2=across(1), y1=up(tick), y2=up(tick)),
        el("text", text, class_="tick", x=across(0) - 6, y=up(tick) + 4, text_anchor="end"),
        el("text", text, class_="tick", x=across(tick), y=up(0) + 16, text_anchor="middle"),
    )


def _bin(b: ReliabilityBin, across: Scale, up: Scale, *, largest: int) -> Markup:
    x = across(b.confidence)
    radius = 2.5 + 5.5 * (b.n / largest) ** 0.5
    return join(
        el("line", class_="gap", x1=x, x2=x, y1=up(b.confidence), y2=up(b.accuracy)),
        el("circle", class_="dot", cx=x, cy=up(b.accuracy), r=radius),
    )
