"""The choice: among the trials that meet bar and budget, the one with the smallest objective."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2

from penjing.errors import EngineError
from penjing.records import Trial, Verdict
from penjing.spec import ANSWER_METRICS, Bar, Budget, Objective
from penjing.units import show_seconds, show_size

_AS_SMALL = 1.01  # as the smallest, in its bytes: files of one shape differ by a few
_STUDENTS = "recipe.student_epochs"
_LONGER = dict.fromkeys(("bits_per_byte", *ANSWER_METRICS), "recipe.epochs")


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen trial, and why; `met` is false where it is only the nearest miss."""

    trial: Trial
    met: bool
    reason: str


def settled(verdict: Verdict, choice: Choice) -> Verdict:
    """Return the verdict on test; for a mere nearest miss it is "not met", however well it does there."""
    return verdict if choice.met else verdict.model_copy(update={"word": "not met", "n_to_decide": None})


def broken_limits(trial: Trial, budget: Budget) -> tuple[str, ...]:
    """Return each limit that `trial` breaks, as a sentence; what was not measured counts as broken."""
    return tuple(
        f"{name} {'not measured' if value is None else show(value)} > {show(limit)}"
        for name, value, limit, show in _limits(trial, budget)
        if value is None or value > limit
    )


def _limits(trial: Trial, budget: Budget) -> list[tuple[str, float | None, float, Callable[[float], str]]]:
    """Return name, value, limit and how to show them, for each limit that the budget sets."""
    latency = trial.latency
    checks = (
        ("size", trial.size_bytes, budget.size, show_size),
        ("latency p50", latency.p50_s if latency else None, budget.latency_p50, show_seconds),
        ("latency p95", latency.p95_s if latency else None, budget.latency_p95, show_seconds),
        ("memory", trial.memory_bytes, budget.memory, show_size),
    )
    return [(name, value, limit, show) for name, value, limit, show in checks if limit is not None]


def choose(trials: Sequence[Trial], *, objective: Objective, bar: Bar, budget: Budget) -> Choice:
    """Return the best trial that meets the bar within the budget, or the nearest miss.

    Trials whose latency intervals overlap the fastest one's are as fast as it: among them the smallest wins. Those
    within 1 % of the smallest one's bytes are as small as it: among them the best on dev wins.

    Raises:
        EngineError: no trial could be measured.
    """
    measured = [trial for trial in trials if trial.failed is None]
    if not measured:
        raise EngineError(
            "no trial could be measured",
            value="; ".join(dict.fromkeys(str(trial.failed) for trial in trials)),
            rule="at least one bundle runs here",
            next_step="Correct that and run the same command again: what was trained is used again",
        )
    passing = [trial for trial in measured if passes(trial, bar)]
    if not passing:
        nearest = min(measured, key=lambda trial: (_excess(trial, budget) + _shortfall(trial, bar), _error(trial)))
        return Choice(nearest, False, _nearest_reason(nearest, bar))
    best = _smallest(passing) if objective == "size" else _fastest(passing)
    return Choice(best, True, _reason(best, passing, objective))


def passes(trial: Trial, bar: Bar) -> bool:
    """Return whether `trial` meets `bar` with the confidence asked for, and is within its budget."""
    verdict = trial.verdict
    return verdict is not None and verdict.probability >= bar.confidence and not trial.over_budget


def _smallest(trials: Sequence[Trial]) -> Trial:
    least = min(map(_size, trials))
    as_small = (trial for trial in trials if _size(trial) <= _AS_SMALL * least)
    return min(as_small, key=lambda trial: (_error(trial), _size(trial)))


def _size(trial: Trial) -> float:
    return float("inf") if trial.size_bytes is None else trial.size_bytes


def _fastest(trials: Sequence[Trial]) -> Trial:
    timed = [trial for trial in trials if trial.latency is not None]
    if not timed:
        return _smallest(trials)
    fastest = min(timed, key=lambda trial: trial.latency.p50_s if trial.latency else float("inf"))
    assert fastest.latency is not None
    limit = fastest.latency.p50_ci.high
    return _smallest([trial for trial in timed if trial.latency and trial.latency.p50_ci.low <= limit])


def _excess(trial: Trial, budget: Budget) -> float:
    """Return by how many doublings the trial is over its limits, together; what was not measured counts as ten."""
    values = [(value, limit) for _, value, limit, _ in _limits(trial, budget)]
    return sum(10.0 if value is None else max(0.0, log2(value / limit)) for value, limit in values)


def _shortfall(trial: Trial, bar: Bar) -> float:
    """Return how much of the confidence that the bar asks for is missing, as a share."""
    probability = trial.verdict.probability if trial.verdict else 0.0
    return max(0.0, 1.0 - probability / bar.confidence)


def _error(trial: Trial) -> float:
    return -trial.quality.gain if trial.quality else float("inf")


def _reason(best: Trial, passing: Sequence[Trial], objective: Objective) -> str:
    if len(passing) == 1:
        return f"{best.name} is the only trial that meets the bar within the budget on dev"
    among = f"of {len(passing)} trials that meet the bar within the budget on dev"
    smallest = "smallest, of those within 1 % the best,"
    if objective == "size":
        return f"{best.name} is the {smallest} {among}"
    return f"{best.name} is the fastest (where times cannot be told apart the {smallest}) {among}"


def _nearest_reason(trial: Trial, bar: Bar) -> str:
    quality, verdict = trial.quality, trial.verdict
    if quality is None or verdict is None:
        return f"no trial meets the bar within the budget; {trial.name} is nearest, but its quality was not measured"
    gaps = list(trial.over_budget)
    if bar.at_least is not None and quality.value < bar.at_least:
        gaps.append(f"{bar.metric} is {bar.at_least - quality.value:.4f} below {bar.at_least}")
    if bar.at_most is not None and quality.value > bar.at_most:
        gaps.append(f"{bar.metric} is {quality.value - bar.at_most:.4f} above {bar.at_most}")
    if verdict.probability < bar.confidence:
        gaps.append(f"the bar holds with probability {verdict.probability:.2f}, below {bar.confidence:.2f}")
    advice = (
        "raise the budget, or allow a larger drop"
        if trial.over_budget
        else f"add training data, allow a larger drop, or train longer ({_LONGER.get(bar.metric, _STUDENTS)})"
    )
    return (
        f"no trial meets the bar within the budget; {trial.name} is nearest: {'; '.join(gaps)}. To close it: {advice}"
    )
