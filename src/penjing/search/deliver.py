"""The end of a run: the verdict on test, the chosen bundle with its manifest, and the report."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from penjing.bundle import load
from penjing.bundle.golden import golden_rows
from penjing.bundle.manifest import Manifest
from penjing.bundle.write import write_bundle
from penjing.measure.machine import machine
from penjing.measure.verdict import judge
from penjing.records import Quality, Trial, Verdict
from penjing.report import write_report
from penjing.search.candidates import Candidate
from penjing.search.choose import Choice
from penjing.search.context import Context
from penjing.search.evaluate import Answers, split_quality
from penjing.search.fit import BUNDLE_NAME, REPORT_NAME, FitResult
from penjing.tasks.classify import decisions


@dataclass(frozen=True)
class Outcome:
    """All that was measured in a run."""

    trials: tuple[Trial, ...]
    choice: Choice
    candidates: Mapping[str, Candidate]
    on_dev: Mapping[str, Answers]
    on_test: Mapping[str, Answers]
    seconds: float


def deliver(context: Context, outcome: Outcome, *, output: Path) -> FitResult:
    """Write the bundle and report.html into `output` and return the result."""
    name = outcome.choice.trial.name
    context.reporter.begin("bundle and report")
    verdict = _verdict_on_test(context, outcome)
    test = {found: split_quality(context, given, split="test") for found, given in outcome.on_test.items()}
    bundle = _write_choice(context, outcome, verdict, test[name], output / BUNDLE_NAME)
    report = output / REPORT_NAME
    write_report(report, run_report(context, outcome, verdict=verdict, test=test, output=output))
    context.reporter.end(str(output), reused=False)
    return FitResult(
        trials=outcome.trials,
        choice=name,
        reason=outcome.choice.reason,
        verdict=verdict,
        test=test,
        bundle=bundle,
        report=report,
    )
