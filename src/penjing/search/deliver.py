"""The end of a run: the verdict on test, the chosen bundle with its manifest, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penjing.bundle.manifest import Origin
from penjing.measure.verdict import judge
from penjing.records import Quality, Trial, Verdict
from penjing.report import Commands, RunReport, write_report
from penjing.search import compare
from penjing.search.candidates import Candidate
from penjing.search.choose import Choice, settled
from penjing.search.evaluate import ROUNDS, Answers, decided, split_quality
from penjing.search.fit import BUNDLE_NAME, REPORT_NAME, FitResult
from penjing.search.handover import hand_over
from penjing.search.judged import Judged
from penjing.search.summary import data_facts, fit_result, measurement, run_figures, summary

BASELINE, TEACHER = "linear", "teacher"


@dataclass(frozen=True)
class Outcome:
    """All that was measured in a run."""

    trials: tuple[Trial, ...]
    choice: Choice
    candidates: Mapping[str, Candidate]
    on_dev: Mapping[str, Answers]
    on_test: Mapping[str, Answers]

    @property
    def name(self) -> str:
        """The chosen trial's name."""
        return self.choice.trial.name


def deliver(
    context: Judged,
    outcome: Outcome,
    *,
    output: Path,
    command: str,
    origin: Origin | None,
    asked: str,
    facts: Mapping[str, Any],
) -> FitResult:
    """Write the bundle and report.html into `output` and return the result; `command` rebuilds it.

    `origin` is what the teacher started from, `asked` what is put to the bundle in the report's example, `facts` are
    fields of the report that this kind of task has.
    """
    context.reporter.begin("bundle and report")
    verdict = _verdict_on_test(context, outcome)
    test = {name: split_quality(context, found, split="test") for name, found in outcome.on_test.items()}
    bundle, report = output / BUNDLE_NAME, output / REPORT_NAME
    touches = len(list(context.store.root.glob("test-answers-*[0-9a-f]")))
    known = {"verdict": verdict, "test_touches": touches, "origin": origin}
    _write_choice(context, outcome, bundle, quality=test[outcome.name], known=known)
    commands = Commands(
        rebuild=command,
        predict=f"penjing predict {bundle} {asked}",
        bench=f"penjing bench {bundle}",
        verify=f"penjing verify {bundle}",
    )
    common = _report(context, outcome, verdict=verdict, test=test, touches=touches)
    write_report(report, RunReport(**common, commands=commands, **facts))
    context.reporter.end(str(output), reused=False)
    return fit_result(outcome.trials, outcome.choice, verdict=verdict, test=test, bundle=bundle, report=report)


def _verdict_on_test(context: Judged, outcome: Outcome) -> Verdict:
    """Judge the choice on test."""
    chosen, teacher = decided(context, outcome.on_test[outcome.name], outcome.on_test[TEACHER])
    bar, truth = context.task.bar, context.truth["test"]
    return settled(judge(bar, truth, chosen, teacher, split="test", seed=context.seed), outcome.choice)


def _write_choice(
    context: Judged, outcome: Outcome, folder: Path, *, quality: Quality, known: Mapping[str, Any]
) -> None:
    """Hand over the chosen candidate with everything known about it."""
    candidate, trial = outcome.candidates[outcome.name], outcome.choice.trial
    hand_over(
        trial,
        candidate.folder,
        folder,
        golden=context.golden(),
        threads=context.task.budget.threads,
        abstain_below=context.task.abstain_below,
        known={
            "name": f"{context.task.name}: {outcome.name}",
            "quality": {found.split: found for found in (trial.quality, quality) if found is not None},
            **known,
            "origin": None if candidate.role == "baseline" else known["origin"],
            **run_figures(outcome.trials, trial.name),
            "task": context.task.model_dump(mode="json"),
        },
    )


def _report(
    context: Judged, outcome: Outcome, *, verdict: Verdict, test: Mapping[str, Quality], touches: int
) -> dict[str, Any]:
    """Return the fields of the report that every run has whose models give labels."""
    task, splits = context.task, context.splits
    teacher, choice = outcome.on_test[TEACHER], outcome.on_test[outcome.name]
    temperature = outcome.on_dev[outcome.name].temperature
    examples, counts = compare.flips(context, teacher, choice)
    found = summary(task, outcome.trials, outcome.choice, teacher=TEACHER, verdict=verdict, test=test, touches=touches)
    return found | {
        "ledger": compare.ledger(outcome.trials, outcome.choice.trial),
        "labels": splits.labels,
        "teacher_confusion": compare.confusion_counts(context, teacher),
        "choice_confusion": compare.confusion_counts(context, choice),
        "per_class": compare.per_class(context, teacher, choice),
        "flips": examples,
        "flip_counts": counts,
        "calibration": compare.calibration(context, choice, temperature=temperature),
        "abstain": compare.abstain(context, choice, temperature=temperature),
        "data": data_facts(task, splits),
        "baseline_wins": _baseline_wins(outcome, test),
        "measurement": measurement(task, batch_size=task.budget.batch_size, rounds=ROUNDS),
    }


def _baseline_wins(outcome: Outcome, test: Mapping[str, Quality]) -> bool:
    """Whether the linear baseline meets the bar on dev, or is as good as the teacher on test."""
    baseline = next((trial for trial in outcome.trials if trial.role == "baseline"), None)
    met = baseline is not None and baseline.verdict is not None and baseline.verdict.word == "met"
    return met or (BASELINE in test and test[BASELINE].value >= test[TEACHER].value)
