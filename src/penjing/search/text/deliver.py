"""The end of a run: the verdict on test, the chosen file as a bundle, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from penjing._version import __version__
from penjing.bundle.golden import GOLDEN_NAME
from penjing.bundle.manifest import Golden, Manifest
from penjing.bundle.write import stamp, versions, write_bundle
from penjing.engines.text.process import ProcessEngine, worker_command
from penjing.generation.golden import GOLDEN_PROMPTS, TOLERANCE, golden_answers, write_golden_answers
from penjing.generation.model import TextModel
from penjing.gguf import read_header
from penjing.measure.bits import Surprise, bits_quality, judge_bits
from penjing.measure.machine import instruction_set, machine
from penjing.measure.text_speed import ROUNDS
from penjing.records import Quality, Trial, Verdict
from penjing.report import Commands, DataFacts, Measurement, RunReport, write_report
from penjing.search.choose import Choice, settled
from penjing.search.fit import BUNDLE_NAME, REPORT_NAME, FitResult
from penjing.search.text.candidates import TEACHER, TextCandidate
from penjing.search.text.context import TextContext
from penjing.search.text.evaluate import CONTEXT, ENGINE, prompts

_MODEL = "model.gguf"


@dataclass(frozen=True)
class TextOutcome:
    """All that was measured in a run."""

    trials: tuple[Trial, ...]
    choice: Choice
    candidate: TextCandidate
    on_test: Mapping[str, Surprise]

    @property
    def name(self) -> str:
        """The chosen trial's name."""
        return self.choice.trial.name


def deliver_text(context: TextContext, outcome: TextOutcome, *, output: Path, command: str) -> FitResult:
    """Write the bundle and report.html into `output` and return the result; `command` rebuilds it."""
    context.reporter.begin("bundle and report")
    seed = context.task.recipe.seed
    judged = judge_bits(
        context.task.bar, outcome.on_test[outcome.name], outcome.on_test[TEACHER], split="test", seed=seed
    )
    verdict = settled(judged, outcome.choice)
    test = {name: bits_quality(found, split="test", seed=seed) for name, found in outcome.on_test.items()}
    touches = len(list(context.store.root.glob("test-bits-*[0-9a-f]")))
    bundle, report = output / BUNDLE_NAME, output / REPORT_NAME
    _write_bundle(context, outcome, bundle, verdict=verdict, quality=test[outcome.name], touches=touches)
    write_report(
        report, _report(context, outcome, bundle, verdict=verdict, test=test, touches=touches, command=command)
    )
    context.reporter.end(str(output), reused=False)
    return FitResult(
        trials=outcome.trials,
        choice=outcome.name,
        reason=outcome.choice.reason,
        verdict=verdict,
        test=test,
        bundle=bundle,
        report=report,
    )


def _write_bundle(
    context: TextContext, outcome: TextOutcome, folder: Path, *, verdict: Verdict, quality: Quality, touches: int
) -> None:
    candidate, trial, threads = outcome.candidate, outcome.choice.trial, context.task.budget.threads
    format_ = "chat" if read_header(candidate.path).chat_template else "plain"
    command = worker_command(ENGINE, candidate.path, threads=threads, context=CONTEXT)
    with TextModel(trial.name, ProcessEngine(ENGINE, command, threads=threads), "plain") as model:
        rows = golden_answers(model, prompts(context)[:GOLDEN_PROMPTS])
    manifest = Manifest(
        **stamp(),
        name=f"{context.task.name}: {outcome.name}",
        kind="generate",
        engine=ENGINE,
        model=_MODEL,
        input={"type": "text", "format": format_},
        recipe=candidate.recipe,
        parameters=candidate.parameters,
        quality={found.split: found for found in (trial.quality, quality) if found is not None},
        verdict=verdict,
        test_touches=touches,
        origin=context.origin,
        task=context.task.model_dump(mode="json"),
        golden=Golden(n=len(rows), isa=instruction_set(), tolerance=TOLERANCE),
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".golden-") as temporary:
        golden = Path(temporary) / GOLDEN_NAME
        write_golden_answers(golden, rows)
        write_bundle(folder, manifest, {_MODEL: candidate.path, GOLDEN_NAME: golden})


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
    task, splits = context.task, context.splits
    return RunReport(
        name=task.name,
        task=task.model_dump(mode="json"),
        bar=task.bar,
        budget=task.budget,
        objective=task.objective,
        trials=outcome.trials,
        chosen=outcome.name if outcome.choice.met else None,
        nearest=None if outcome.choice.met else outcome.name,
        reason=outcome.choice.reason,
        teacher=TEACHER,
        verdict=verdict,
        test=dict(test),
        test_touches=touches,
        labels=(),
        data=DataFacts(
            source=task.data.source or task.data.train or "",
            train=len(splits.train),
            dev=len(splits.dev),
            test=len(splits.test),
            notes=splits.notes,
        ),
        measurement=Measurement(
            machine=machine(), threads=task.budget.threads, batch_size=1, rounds=ROUNDS, versions=versions()
        ),
        commands=Commands(
            rebuild=command,
            predict=f'penjing generate {bundle} "…"',
            verify=f"penjing verify {bundle}",
        ),
        created=str(stamp()["created"]),
        penjing=__version__,
    )
