"""The scatter chart: quality with its interval against a cost, drawn as SVG."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from penjing.report.facts import frontier
from penjing.report.labels import FONT_PX, Anchor, Box, Placed, compact, place, text_width
from penjing.report.markup import Markup, el, join
from penjing.report.scale import Scale, cost_scale, quality_scale
from penjing.report.words import Pair, named, svg_text

WIDTH, HEIGHT = 480.0, 390.0
_AREA = Box(50.0, 34.0, WIDTH - 12.0, HEIGHT - 46.0)

Mark = Literal["square", "diamond", "circle"]


@dataclass(frozen=True)
class Point:
    """One trial in the chart; `passes` fills its mark."""

    name: str
    cost: float
    quality: float
    low: float
    high: float
    mark: Mark
    passes: bool
    chosen: bool
    title: Pair
    href: str


@dataclass(frozen=True)
class Chart:
    """What to draw: `bar` is a quality, `limit` a cost beyond which the budget is broken."""

    id: str
    title: Pair
    description: Pair
    x_label: Pair
    y_label: Pair
    points: tuple[Point, ...]
    bar: float | None
    bar_label: Pair
    limit: float | None
    limit_label: Pair
    show_cost: Callable[[float], str]
    show_quality: Callable[[float], str]


def draw(chart: Chart) -> Markup:
    """Return the chart as one SVG that screen readers can name and keyboards can walk."""
    x, y = _scales(chart)
    return el(
        "svg",
        named("title", chart.title, id=f"{chart.id}-title"),
        named("desc", chart.description, id=f"{chart.id}-desc"),
        _budget(chart, x),
        _axes(chart, x, y),
        _bar(chart, y),
        _frontier(chart, x, y),
        [_point(point, x, y) for point in chart.points],
        [_label(label) for label in _labels(chart, x, y)],
        class_="chart",
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        role="group",
        aria_labelledby=f"{chart.id}-title {chart.id}-desc",
    )


def _scales(chart: Chart) -> tuple[Scale, Scale]:
    costs = [point.cost for point in chart.points]
    if chart.limit is not None and chart.limit < 3 * max(costs):
        costs.append(chart.limit)
    qualities = [value for point in chart.points for value in (point.low, point.high)]
    if chart.bar is not None:
        qualities.append(chart.bar)
    return (
        cost_scale(costs, start=_AREA.left, stop=_AREA.right),
        quality_scale(qualities, start=_AREA.bottom, stop=_AREA.top),
    )


def _axes(chart: Chart, x: Scale, y: Scale) -> Markup:
    return join(
        [_y_tick(y(value), chart.show_quality(value)) for value in y.ticks()],
        [_x_tick(x(value), chart.show_cost(value)) for value in _apart(x, chart.show_cost)],
        el("line", class_="axis", x1=_AREA.left, x2=_AREA.right, y1=_AREA.bottom, y2=_AREA.bottom),
        svg_text(chart.y_label, class_="axis-name", x=2, y=14),
        svg_text(chart.x_label, class_="axis-name", x=_AREA.right, y=HEIGHT - 6, text_anchor="end"),
    )


def _apart(x: Scale, show: Callable[[float], str]) -> list[float]:
    """Return the ticks whose texts do not touch."""
    kept: list[float] = []
    edge = 0.0
    for value in x.ticks():
        half = text_width(show(value)) / 2
        if x(value) - half >= edge and x(value) + half <= WIDTH:
            kept.append(value)
            edge = x(value) + half + 8
    return kept


def _y_tick(at: float, text: str) -> Markup:
    return join(
        el("line", class_="grid", x1=_AREA.left, x2=_AREA.right, y1=at, y2=at),
        el("text", text, class_="tick", x=_AREA.left - 7, y=at + 4, text_anchor="end"),
    )


def _x_tick(at: float, text: str) -> Markup:
    return join(
        el("line", class_="axis", x1=at, x2=at, y1=_AREA.bottom, y2=_AREA.bottom + 4),
        el("text", text, class_="tick", x=at, y=_AREA.bottom + 18, text_anchor="middle"),
    )


def _budget(chart: Chart, x: Scale) -> Markup | None:
    if chart.limit is None or chart.limit >= x.high:
        return None
    left = max(_AREA.left, x(chart.limit) if chart.limit > x.low else _AREA.left)
    return join(
        el(
            "rect",
            class_="over",
            x=left,
            y=_AREA.top,
            width=_AREA.right - left,
            height=_AREA.bottom - _AREA.top,
        ),
        el("line", class_="limit", x1=left, x2=left, y1=_AREA.top, y2=_AREA.bottom),
        svg_text(chart.limit_label, class_="note", x=_AREA.right, y=_AREA.top - 7, text_anchor="end"),
    )


def _bar(chart: Chart, y: Scale) -> Markup | None:
    if chart.bar is None:
        return None
    at = y(chart.bar)
    return join(
        el("line", class_="bar-line", x1=_AREA.left, x2=_AREA.right, y1=at, y2=at),
        svg_text(chart.bar_label, class_="bar-name", **_bar_name_at(at)),
    )


def _bar_name_at(at: float) -> dict[str, float]:
    return {"x": _AREA.left + 6, "y": at + 14}


def _frontier(chart: Chart, x: Scale, y: Scale) -> Markup:
    best = frontier([(point.cost, point.quality) for point in chart.points])
    path = " ".join(f"{x(cost):.1f},{y(value):.1f}" for cost, value in best)
    return el("polyline", class_="frontier", points=path)


def _point(point: Point, x: Scale, y: Scale) -> Markup:
    at, mid, size = x(point.cost), y(point.quality), 6.5 if point.chosen else 5.0
    kind = " ".join(["point", "passes" if point.passes else "misses", *(["chosen"] if point.chosen else [])])
    return el(
        "a",
        named("title", point.title),
        el("line", class_="error", x1=at, x2=at, y1=y(point.low), y2=y(point.high)),
        [el("line", class_="error", x1=at - 3, x2=at + 3, y1=end, y2=end) for end in (y(point.low), y(point.high))],
        el("circle", class_="ring", cx=at, cy=mid, r=11.0) if point.chosen else None,
        _mark(point.mark, at, mid, size),
        href=point.href,
        class_=kind,
    )


def _mark(mark: Mark, x: float, y: float, size: float) -> Markup:
    if mark == "circle":
        return el("circle", class_="mark", cx=x, cy=y, r=size)
    if mark == "square":
        return el("rect", class_="mark", x=x - size, y=y - size, width=2 * size, height=2 * size)
    reach = size * 1.3
    corners = f"{x:.1f},{y - reach:.1f} {x + reach:.1f},{y:.1f} {x:.1f},{y + reach:.1f} {x - reach:.1f},{y:.1f}"
    return el("polygon", class_="mark", points=corners)


def _labels(chart: Chart, x: Scale, y: Scale) -> list[Placed]:
    def rank(point: Point) -> tuple[bool, bool]:
        return (not point.chosen, point.mark == "circle")

    def around(point: Point) -> Box:
        at, mid, reach = x(point.cost), y(point.quality), 12.0 if point.chosen else 7.0
        return Box(at - reach, mid - reach, at + reach, mid + reach)

    ranked = sorted(chart.points, key=rank)
    best = set(frontier([(point.cost, point.quality) for point in chart.points if point.mark == "circle"]))
    anchors = [
        Anchor(x(p.cost), y(p.quality), compact(p.name), needed=p.chosen or p.mark != "circle", strong=p.chosen)
        for p in ranked
        if p.chosen or p.mark != "circle" or (p.cost, p.quality) in best
    ]
    soft = [Box(x(p.cost) - 3, y(p.high), x(p.cost) + 3, y(p.low)) for p in ranked]
    hard = [around(point) for point in ranked]
    if chart.bar is not None:
        at = y(chart.bar)
        width = max(text_width(side) for side in chart.bar_label)
        soft.append(Box(_AREA.left, at - 1, _AREA.right, at + 1))
        hard.append(Box(_AREA.left, at + 1, _AREA.left + 8 + width, at + 18))
    return place(anchors, area=_AREA, hard=hard, soft=soft)


def _label(label: Placed) -> Markup:
    box, anchor = label.box, label.anchor
    edge_x = min(max(anchor.x, box.left), box.right)
    edge_y = box.bottom if box.bottom < anchor.y else box.top if box.top > anchor.y else (box.top + box.bottom) / 2
    line = el("line", class_="leader", x1=anchor.x, y1=anchor.y, x2=edge_x, y2=edge_y)
    return join(
        line if label.leader else None,
        el(
            "text",
            anchor.text,
            class_="name strong" if anchor.strong else "name",
            x=box.left,
            y=box.top + FONT_PX,
            aria_hidden="true",
        ),
    )
