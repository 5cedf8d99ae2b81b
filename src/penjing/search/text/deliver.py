"""The end of a run: the verdict on test, the chosen file as a bundle, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from penjing.generation.golden import GOLDEN_PROMPTS
from penjing.measure.scored import Scored, judge_scored, scored_quality
from penjing.measure.text_speed import ROUNDS
from penjing.records import Quality, Trial, Verdict
from penjing.report import Commands, RunReport, write_report
from penjing.search.choose import Choice, settled
from penjing.search.fit import BUNDLE_NAME, REPORT_NAME, FitResult
from penjing.search.summary import data_facts, fit_result, measurement, run_figures, summary
from penjing.search.text.candidates import TEACHER, TextCandidate
from penjing.search.text.context import TextContext
from penjing.search.text.evaluate import prompts
from penjing.search.text.handover import hand_over_text


@dataclass(frozen=True)
class TextOutcome:
    """All that was measured in a run."""

    trials: tuple[Trial, ...]
    choice: Choice
    candidate: TextCandidate
    on_test: Mapping[str, Scored]

    @property
    def name(self) -> str:
        """The chosen trial's name."""
        return self.choice.trial.name


def deliver_text(context: TextContext, outcome: TextOutcome, *, output: Path, command: str) -> FitResult:
    """Write the bundle and report.html into `output` and return the result; `command` rebuilds it."""
    context.reporter.begin("bundle and report")
    seed = context.task.recipe.seed
    judged = judge_scored(
        context.task.bar, outcome.on_test[outcome.name], outcome.on_test[TEACHER], split="test", seed=seed
    )
    verdict = settled(judged, outcome.choice)
    test = {name: scored_quality(found, split="test", seed=seed) for name, found in outcome.on_test.items()}
    touches = len(list(context.store.root.glob("test-*[0-9a-f]")))
    bundle, report = output / BUNDLE_NAME, output / REPORT_NAME
    _write_bundle(context, outcome, bundle, verdict=verdict, quality=test[outcome.name], touches=touches)
    write_report(
        report, _report(context, outcome, bundle, verdict=verdict, test=test, touches=touches, command=command)
    )
    context.reporter.end(str(output), reused=False)
    return fit_result(outcome.trials, outcome.choice, verdict=verdict, test=test, bundle=bundle, report=report)


def _write_bundle(
    context: TextContext, outcome: TextOutcome, folder: Path, *, verdict: Verdict, quality: Quality, touches: int
) -> None:
    trial = outcome.choice.trial
    hand_over_text(
        trial,
        outcome.candidate.path,
        folder,
        prompts=prompts(context)[:GOLDEN_PROMPTS],
        threads=context.task.budget.threads,
        known={
            "name": f"{context.task.name}: {outcome.name}",
            "origin": context.origin,
            "quality": {found.split: found for found in (trial.quality, quality) if found is not None},
            "verdict": verdict,
            **run_figures(outcome.trials, trial.name),
            "test_touches": touches,
            "task": context.task.model_dump(mode="json"),
        },
    )


def _report(
    context: TextContext,
    outcome: TextOutcome,
    bundle: Path,
    *,
    verdict: Verdict,
    test: Mapping[str, Quality],
    touches: int,
    command: str,
) -> RunReport:
    task = context.task
    return RunReport(
        **summary(task, outcome.trials, outcome.choice, teacher=TEACHER, verdict=verdict, test=test, touches=touches),
        labels=(),
        data=data_facts(task, context.splits),
        measurement=measurement(task, batch_size=1, rounds=ROUNDS),
        commands=Commands(
            rebuild=command,
            predict=f'penjing generate {bundle} "…"',
            verify=f"penjing verify {bundle}",
        ),
    )
