"""The end of a run: the verdict on test, the chosen bundle, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from penjing.measure.scored import judge_scored, scored_quality
from penjing.measure.translation import CorpusScored, signature
from penjing.records import Trial
from penjing.report import Commands, RunReport, write_report
from penjing.search.choose import Choice, settled
from penjing.search.fit import BUNDLE_NAME, REPORT_NAME, FitResult
from penjing.search.summary import data_facts, fit_result, measurement, run_figures, summary
from penjing.search.translation.candidates import TEACHER, TranslationCandidate
from penjing.search.translation.context import TranslationContext
from penjing.search.translation.evaluate import ROUNDS
from penjing.search.translation.handover import hand_over_translator


@dataclass(frozen=True)
class TranslationOutcome:
    """All that was measured in a run."""

    trials: tuple[Trial, ...]
    choice: Choice
    candidate: TranslationCandidate
    on_test: Mapping[str, CorpusScored]
    """Of the choice, the teacher and the translation memory."""


def deliver_translation(
    context: TranslationContext, outcome: TranslationOutcome, *, output: Path, command: str
) -> FitResult:
    """Write the bundle and report.html into `output` and return the result; `command` rebuilds it."""
    context.reporter.begin("bundle and report")
    task, trial = context.task, outcome.choice.trial
    seed = task.recipe.seed
    judged = judge_scored(task.bar, outcome.on_test[trial.name], outcome.on_test[TEACHER], split="test", seed=seed)
    verdict = settled(judged, outcome.choice)
    test = {name: scored_quality(found, split="test", seed=seed) for name, found in outcome.on_test.items()}
    touches = len(list(context.store.root.glob("test-*[0-9a-f]")))
    bundle, report = output / BUNDLE_NAME, output / REPORT_NAME
    hand_over_translator(
        outcome.candidate.folder,
        bundle,
        texts=context.typed("dev"),
        threads=task.budget.threads,
        known={
            "name": f"{task.name}: {trial.name}",
            "quality": {found.split: found for found in (trial.quality, test[trial.name]) if found is not None},
            "verdict": verdict,
            **run_figures(outcome.trials, trial.name),
            "test_touches": touches,
            "task": task.model_dump(mode="json"),
        },
    )
    data = data_facts(task, context.splits)
    notes = (*data.notes, f"{task.bar.metric}: {signature(task.bar.metric, context.languages[1])}")
    write_report(
        report,
        RunReport(
            **summary(
                task, outcome.trials, outcome.choice, teacher=TEACHER, verdict=verdict, test=test, touches=touches
            ),
            labels=(),
            data=data.model_copy(update={"notes": notes}),
            measurement=measurement(task, batch_size=task.budget.batch_size, rounds=ROUNDS),
            commands=Commands(
                rebuild=command,
                predict=f'penjing translate {bundle} "…"',
                verify=f"penjing verify {bundle}",
            ),
        ),
    )
    context.reporter.end(str(output), reused=False)
    return fit_result(outcome.trials, outcome.choice, verdict=verdict, test=test, bundle=bundle, report=report)
