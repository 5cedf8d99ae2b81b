"""What follows from the figures of a run: which trials pass, what the bar is, what may be claimed."""

from __future__ import annotations

from typing import Literal, NamedTuple

from penjing.records import Latency, Quality, Trial
from penjing.report.model import RunReport
from penjing.spec import LESS_IS_BETTER

Speed = Literal["faster", "slower", "alike", "not measured"]


class Gain(NamedTuple):
    """How a trial compares with the teacher; `speed` claims nothing while the intervals overlap."""

    smaller: float | None
    speed: Speed
    factor: float | None
    """How many times faster, or slower."""


def trial_named(run: RunReport, name: str) -> Trial:
    """Return the trial of that name."""
    return next(trial for trial in run.trials if trial.name == name)


def subject(run: RunReport) -> Trial | None:
    """Return the trial the report is about: the choice, or else the nearest miss."""
    name = run.chosen or run.nearest
    return trial_named(run, name) if name else None


def baseline(run: RunReport) -> Trial | None:
    """Return the linear baseline, where there is one."""
    return next((trial for trial in run.trials if trial.role == "baseline"), None)


def bar_value(run: RunReport) -> float | None:
    """Return the dev quality the bar asks for: the harder of its two limits."""
    bar, teacher = run.bar, trial_named(run, run.teacher).quality
    limits = [limit for limit in (bar.at_least, bar.at_most) if limit is not None]
    less = bar.metric in LESS_IS_BETTER
    if teacher is not None and (allowed := bar.allowed_drop(teacher.value)) is not None:
        limits.append(teacher.value + allowed if less else teacher.value - allowed)
    return (min if less else max)(limits, default=None)


def best_quality(run: RunReport, trial: Trial) -> Quality | None:
    """Return the trial's quality on test, or on dev where test was not touched for it."""
    return run.test.get(trial.name, trial.quality)


def gain(trial: Trial, *, teacher: Trial) -> Gain:
    """Return how much smaller and faster `trial` is than `teacher`."""
    smaller = teacher.size_bytes / trial.size_bytes if teacher.size_bytes and trial.size_bytes else None
    if trial.latency is None or teacher.latency is None:
        return Gain(smaller, "not measured", None)
    speed = _speed(trial.latency, teacher.latency)
    ratio = teacher.latency.p50_s / trial.latency.p50_s
    factor = {"faster": ratio, "slower": 1 / ratio}.get(speed)
    return Gain(smaller, speed, factor)


def _speed(one: Latency, other: Latency) -> Speed:
    if one.p50_ci.high < other.p50_ci.low:
        return "faster"
    return "slower" if one.p50_ci.low > other.p50_ci.high else "alike"


def frontier(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the (cost, quality) points that no cheaper point equals or beats, cheapest first.

    >>> frontier([(3, 0.9), (1, 0.8), (2, 0.7)])
    [(1, 0.8), (3, 0.9)]
    """
    kept: list[tuple[float, float]] = []
    for cost, value in sorted(points, key=lambda point: (point[0], -point[1])):
        if not kept or value > kept[-1][1]:
            kept.append((cost, value))
    return kept
