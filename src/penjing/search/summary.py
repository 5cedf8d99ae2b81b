"""What the report of a run says whatever kind of task it was: the trials, the choice, the verdict, the machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penjing._version import __version__
from penjing.bundle.write import stamp, versions
from penjing.measure.machine import machine
from penjing.records import Quality, Trial, Verdict
from penjing.report import DataFacts, Measurement
from penjing.search.choose import Choice
from penjing.search.fit import FitResult
from penjing.spec import Task


def summary(
    task: Task,
    trials: tuple[Trial, ...],
    choice: Choice,
    *,
    teacher: str,
    verdict: Verdict,
    test: Mapping[str, Quality],
    touches: int,
) -> dict[str, Any]:
    """Return the fields of the report that every kind of task has."""
    return {
        "name": task.name,
        "task": task.model_dump(mode="json"),
        "bar": task.bar,
        "budget": task.budget,
        "objective": task.objective,
        "trials": trials,
        "chosen": choice.trial.name if choice.met else None,
        "nearest": None if choice.met else choice.trial.name,
        "reason": choice.reason,
        "teacher": teacher,
        "verdict": verdict,
        "test": dict(test),
        "test_touches": touches,
        "created": str(stamp()["created"]),
        "penjing": __version__,
    }


def data_facts(task: Task, splits: Any) -> DataFacts:
    """Return what was trained and tested on; `splits` has train, dev, test and notes."""
    return DataFacts(
        source=task.data.source or task.data.train or "",
        train=len(splits.train),
        dev=len(splits.dev),
        test=len(splits.test),
        notes=splits.notes,
    )


def measurement(task: Task, *, batch_size: int, rounds: int) -> Measurement:
    """Return how latency was taken."""
    return Measurement(
        machine=machine(),
        threads=task.budget.threads,
        batch_size=batch_size,
        rounds=rounds,
        versions=versions(),
    )


def fit_result(
    trials: tuple[Trial, ...],
    choice: Choice,
    *,
    verdict: Verdict,
    test: Mapping[str, Quality],
    bundle: Path,
    report: Path,
) -> FitResult:
    """Return what `fit` hands back."""
    return FitResult(
        trials=trials,
        choice=choice.trial.name,
        reason=choice.reason,
        verdict=verdict,
        test=test,
        bundle=bundle,
        report=report,
    )


def run_figures(trials: Sequence[Trial], chosen: str) -> dict[str, Any]:
    """Return the fields of a manifest that hold the run's trials, of which the bundle is `chosen`."""
    return {"trial": chosen, "trials": tuple(found for trial in trials if (found := trial.figures) is not None)}
