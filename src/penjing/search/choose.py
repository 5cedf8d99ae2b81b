"""The choice: among the trials that meet bar and budget, the one with the smallest objective."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from penjing.records import Trial
from penjing.spec import Bar, Budget, Objective
from penjing.units import show_seconds, show_size


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen trial, and why; `met` is false where it is only the nearest miss."""

    trial: Trial
    met: bool
    reason: str


def broken_limits(trial: Trial, budget: Budget) -> tuple[str, ...]:
    """Return each limit that `trial` breaks, as a sentence; what was not measured counts as broken."""
    latency = trial.latency
    checks = (
        ("size", trial.size_bytes, budget.size, show_size),
        ("latency p50", latency.p50_s if latency else None, budget.latency_p50, show_seconds),
        ("latency p95", latency.p95_s if latency else None, budget.latency_p95, show_seconds),
        ("memory", trial.memory_bytes, budget.memory, show_size),
    )
    return tuple(
        f"{name} {'not measured' if value is None else show(value)} > {show(limit)}"
        for name, value, limit, show in checks
        if limit is not None and (value is None or value > limit)
    )


def choose(trials: Sequence[Trial], *, objective: Objective, bar: Bar) -> Choice:
    """Return the best trial that meets the bar within the budget, or the nearest miss.

    Trials whose latency intervals overlap the fastest one's are as fast as it: among them the smallest wins.
    """
    measured = [trial for trial in trials if trial.failed is None]
    passing = [trial for trial in measured if _passes(trial, bar)]
    if not passing:
        nearest = min(measured, key=_miss)
        return Choice(nearest, False, _nearest_reason(nearest, bar))
    best = _smallest(passing) if objective == "size" else _fastest(passing)
    return Choice(best, True, _reason(best, passing, objective))


def _passes(trial: Trial, bar: Bar) -> bool:
    verdict = trial.verdict
    return verdict is not None and verdict.probability >= bar.confidence and not trial.over_budget


def _smallest(trials: Sequence[Trial]) -> Trial:
    return min(trials, key=lambda trial: trial.size_bytes if trial.size_bytes is not None else float("inf"))


def _fastest(trials: Sequence[Trial]) -> Trial:
    timed = [trial for trial in trials if trial.latency is not None]
    if not timed:
        return _smallest(trials)
    fastest = min(timed, key=lambda trial: trial.latency.p50_s if trial.latency else float("inf"))
    assert fastest.latency is not None
    limit = fastest.latency.p50_ci.high
    return _smallest([trial for trial in timed if trial.latency and trial.latency.p50_ci.low <= limit])


def _miss(trial: Trial) -> tuple[float, float]:
    """Order by broken limits, then by the probability that the bar holds, then by quality."""
    probability = trial.verdict.probability if trial.verdict else 0.0
    quality = trial.quality.value if trial.quality else -1.0
    return (len(trial.over_budget) + (1.0 - probability), -quality)


def _reason(best: Trial, passing: Sequence[Trial], objective: Objective) -> str:
    others = len(passing) - 1
    what = "smallest" if objective == "size" else "fastest (smallest where times cannot be told apart)"
    return f"{best.name} is the {what} of {others + 1} trials that meet the bar within the budget on dev"


def _nearest_reason(trial: Trial, bar: Bar) -> str:
    quality, verdict = trial.quality, trial.verdict
    if quality is None or verdict is None:
        return f"no trial meets the bar within the budget; {trial.name} is nearest, but its quality was not measured"
    gaps = list(trial.over_budget)
    if bar.at_least is not None and quality.value < bar.at_least:
        gaps.append(f"{bar.metric} is {bar.at_least - quality.value:.4f} below {bar.at_least}")
    if verdict.probability < bar.confidence:
        gaps.append(f"the bar holds with probability {verdict.probability:.2f}, below {bar.confidence:.2f}")
    advice = (
        "raise the budget, or allow a larger drop"
        if trial.over_budget
        else "add training data, allow a larger drop, or train longer (recipe.student_epochs)"
    )
    return (
        f"no trial meets the bar within the budget; {trial.name} is nearest: {'; '.join(gaps)}. To close it: {advice}"
    )
