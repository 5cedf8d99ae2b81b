"""The frontier: every trial that was measured, its quality against its size and against its latency."""

from __future__ import annotations

from penjing.records import Cost, Trial
from penjing.report import show
from penjing.report.facts import bar_value, baseline
from penjing.report.markup import Markup, data, el, join
from penjing.report.model import RunReport
from penjing.report.scatter import Chart, Mark, Point, draw
from penjing.report.words import Pair, Words, joined, same, spans
from penjing.spec import LESS_IS_BETTER

_MARKS: dict[str, Mark] = {
    "teacher": "square",
    "plain-int8": "square",
    "baseline": "diamond",
    "candidate": "circle",
}


def frontier_section(run: RunReport, *, say: Words) -> Markup | None:
    """Return both charts with their legend, or None where nothing was measured."""
    figures = [figure for cost in ("size", "latency") if (figure := _figure(run, cost, say=say))]
    if not figures:
        return None
    return join(
        el("p", say("frontier.read")),
        _legend(run, say=say),
        el("div", figures, class_="pair"),
        _missing(run, say=say),
    )


def anchor(run: RunReport, trial: Trial) -> str:
    """Return the id of the trial's row."""
    return f"trial-{run.trials.index(trial) + 1}"


def _figure(run: RunReport, cost: Cost, *, say: Words) -> Markup | None:
    points = [p for trial in run.trials if (p := _point(run, trial, cost, say=say))]
    if not points:
        return None
    metric, bar = run.bar.metric, bar_value(run)
    limit = run.budget.size if cost == "size" else run.budget.latency_p50
    name = say.pair(f"metric.{metric}")
    bar_label = say.pair("frontier.bar", value=show.quality(bar, metric)) if bar is not None else same("")
    chart = Chart(
        id=f"frontier-{cost}",
        title=say.pair(f"frontier.{cost}", metric=name),
        description=_description(run, points, cost, say=say),
        x_label=say.pair(f"frontier.{cost}-axis"),
        y_label=say.pair(f"frontier.{show.unit(metric)}-axis", metric=name),
        points=tuple(points),
        bar=None if bar is None else _height(bar, metric),
        bar_label=bar_label,
        limit=limit,
        limit_label=say.pair("frontier.over", limit=_tick(limit, cost) if limit is not None else ""),
        show_cost=lambda value: _tick(value, cost),
        show_quality=lambda height: show.digits(_height(height, metric), metric),
    )
    return el("figure", draw(chart), el("figcaption", spans(chart.title)))


def _point(run: RunReport, trial: Trial, cost: Cost, *, say: Words) -> Point | None:
    quality, value = trial.quality, trial.cost(cost)
    if quality is None or not value:
        return None
    ends = [_height(end, run.bar.metric) for end in (quality.ci.low, quality.ci.high)]
    title = say.pair(
        "frontier.point",
        name=trial.name,
        metric=say.pair(f"metric.{run.bar.metric}"),
        quality=show.quality(quality.value, run.bar.metric),
        ci=show.interval(quality.ci, run.bar.metric),
        cost=_show(value, cost),
    )
    return Point(
        name=trial.name,
        cost=value,
        quality=quality.gain,
        low=min(ends),
        high=max(ends),
        mark=_MARKS[trial.role],
        passes=trial.passes or trial.name == run.chosen,
        chosen=trial.name == run.chosen,
        title=title,
        href=f"#{anchor(run, trial)}",
    )


def _height(value: float, metric: str) -> float:
    """Return a quality as a height in the chart, or a height as a quality: the best is on top."""
    return -value if metric in LESS_IS_BETTER else value


def _show(value: float, cost: Cost) -> str:
    return show.size(value) if cost == "size" else show.latency(value)


def _tick(value: float, cost: Cost) -> str:
    return show.limit(_show(value, cost))


def _description(run: RunReport, points: list[Point], cost: Cost, *, say: Words) -> Pair:
    rows = [
        say.pair(
            "frontier.spoken",
            name=p.name,
            cost=_show(p.cost, cost),
            quality=show.quality(_height(p.quality, run.bar.metric), run.bar.metric),
        )
        for p in points
    ]
    return say.pair("frontier.description", points=joined(rows, en="; ", zh="；"))


def _legend(run: RunReport, *, say: Words) -> Markup:
    entries = [
        ("square", "teacher"),
        ("diamond", "baseline"),
        ("circle passes", "passes"),
        ("circle misses", "misses"),
        ("circle passes chosen", "chosen"),
        ("dash", "frontier"),
        ("bar-line", "bar"),
        ("over", "over"),
    ]
    absent = {
        *(() if run.chosen else ("chosen",)),
        *(() if run.budget.size or run.budget.latency_p50 else ("over",)),
        *(() if bar_value(run) is not None else ("bar",)),
        *(() if baseline(run) else ("baseline",)),
    }
    shown = [el("li", _key(kind), " ", say(f"legend.{name}")) for kind, name in entries if name not in absent]
    return el("ul", shown, class_="legend")


def _key(kind: str) -> Markup:
    shapes = {
        "square": el("rect", class_="mark", x=5, y=3, width=10, height=10),
        "diamond": el("polygon", class_="mark", points="10,1.5 16.5,8 10,14.5 3.5,8"),
        "dash": el("line", class_="frontier", x1=0, x2=20, y1=8, y2=8),
        "bar-line": el("line", class_="bar-line", x1=0, x2=20, y1=8, y2=8),
        "over": el("rect", class_="over", x=0, y=2, width=20, height=12),
    }
    ring = el("circle", class_="ring", cx=10, cy=8, r=7.2) if "chosen" in kind else None
    shape = shapes.get(kind) or join(ring, el("circle", class_="mark", cx=10, cy=8, r=4.5))
    state = kind.removeprefix("circle").strip() if "circle" in kind else "passes"
    return el(
        "svg",
        el("g", shape, class_=f"point {state}"),
        class_="key",
        viewBox="0 0 20 16",
        width=20,
        height=16,
        aria_hidden="true",
    )


def _missing(run: RunReport, *, say: Words) -> Markup | None:
    names = [t.name for t in run.trials if t.quality is None or (t.size_bytes is None and t.latency is None)]
    if not names:
        return None
    return el(
        "p",
        say("frontier.missing", names=join([[data(n), ", " if n != names[-1] else ""] for n in names])),
        class_="small",
    )
