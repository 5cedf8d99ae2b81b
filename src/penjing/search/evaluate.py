"""Candidates become trials: their answers on dev from the exported files, their latency and memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.bundle import load
from penjing.bundle.worker import worker_command
from penjing.files import write_text
from penjing.measure.calibration import fit_temperature
from penjing.measure.intervals import quality
from penjing.measure.latency import measure_systems
from penjing.measure.machine import machine
from penjing.measure.size import folder_size
from penjing.measure.verdict import judge
from penjing.records import Latency, Quality, Trial
from penjing.search.candidates import Candidate
from penjing.search.choose import broken_limits
from penjing.search.judged import Judged
from penjing.tasks.classify import Truth, decisions

_INVARIANCE_TEXTS = 48
ROUNDS, BLOCK = 6, 20


@dataclass(frozen=True)
class Answers:
    """What a bundle answers on one split."""

    logits: NDArray[np.float32]
    temperature: float
    """Fitted on these logits."""
    moved: int
    """Labels that differ between batches of 1, 8 and 32."""
    reused: bool
    """Whether they were there already."""


def all_answers(context: Judged, candidates: Sequence[Candidate], *, split: str) -> dict[str, Answers]:
    """Return what each candidate answers on `split`, by its name."""
    found = {}
    for done, candidate in enumerate(candidates):
        context.reporter.advance(done, len(candidates), candidate.name)
        found[candidate.name] = answers(context, candidate, split=split)
    return found


def answers(context: Judged, candidate: Candidate, *, split: str) -> Answers:
    """Return the answers of the candidate's exported file on `split`, from the stage where there is one."""
    multi_label = context.splits.multi_label
    threads = context.task.budget.threads

    def make(folder: Path, _: Path) -> None:
        bundle = load(candidate.folder, threads=threads)
        inputs = context.inputs(split)
        logits = bundle.logits(inputs)
        sample = inputs[:_INVARIANCE_TEXTS]
        labels = [decisions(bundle.logits(sample, batch_size=size), multi_label=multi_label) for size in (1, 8, 32)]
        moved = sum(int((np.asarray(labels[0]) != np.asarray(other)).sum()) for other in labels[1:])
        np.save(folder / "logits.npy", logits)
        facts = {"temperature": fit_temperature(logits, context.truth[split]), "moved": moved}
        write_text(folder / "facts.json", json.dumps(facts))

    stage = context.store.stage(f"{split}-answers", {"bundle": candidate.key, "data": context.data_key}, make)
    facts = json.loads((stage.folder / "facts.json").read_text(encoding="utf-8"))
    return Answers(np.load(stage.folder / "logits.npy"), facts["temperature"], facts["moved"], stage.reused)


def split_quality(context: Judged, found: Answers, *, split: str) -> Quality:
    """Return the bar's metric with its interval."""
    predicted = decisions(found.logits, multi_label=context.splits.multi_label)
    return quality(context.task.bar.metric, context.truth[split], predicted, split=split, seed=context.seed)


@dataclass(frozen=True)
class Timing:
    """What running a bundle costs here."""

    latency: Latency | None
    memory_bytes: int | None
    failed: str | None


def timings(
    context: Judged, candidates: Sequence[Candidate], *, title: str = "latency and memory"
) -> dict[str, Timing]:
    """Return latency and peak memory of every candidate, measured side by side in processes of their own."""
    context.reporter.begin(title)
    budget = context.task.budget

    def make(folder: Path, _: Path) -> None:
        measured = measure_systems(
            {c.name: worker_command(c.folder, threads=budget.threads) for c in candidates},
            context.timed(),
            threads=budget.threads,
            batch_size=budget.batch_size,
            rounds=ROUNDS,
            block=BLOCK,
            progress=context.reporter.advance,
        )
        rows: dict[str, Any] = {
            name: {
                "latency": found.latency.model_dump() if found.latency else None,
                "memory_bytes": found.memory_bytes,
                "failed": found.failed,
            }
            for name, found in measured.items()
        }
        write_text(folder / "timings.json", json.dumps(rows))

    inputs = {
        "bundles": {candidate.name: candidate.key for candidate in candidates},
        "threads": budget.threads,
        "batch_size": budget.batch_size,
        "machine": machine().model_dump(),
    }
    stage = context.store.stage("timings", inputs, make)
    rows_read = json.loads((stage.folder / "timings.json").read_text(encoding="utf-8"))
    if any(row["failed"] for row in rows_read.values()):
        context.store.forget(stage)  # what failed may succeed the next time
    context.reporter.end(f"{len(candidates)} systems took turns", reused=stage.reused)
    return {
        name: Timing(
            Latency.model_validate(row["latency"]) if row["latency"] else None,
            row["memory_bytes"],
            row["failed"],
        )
        for name, row in rows_read.items()
    }


def decided(context: Judged, found: Answers, teacher: Answers) -> tuple[Truth, Truth]:
    """Return the decisions of a model and of the teacher; the same object where they are the same model."""
    multi_label = context.splits.multi_label
    reference = decisions(teacher.logits, multi_label=multi_label)
    return reference if found is teacher else decisions(found.logits, multi_label=multi_label), reference


def make_trial(context: Judged, candidate: Candidate, found: Answers, timing: Timing, *, teacher: Answers) -> Trial:
    """Return the trial: quality and verdict on dev, size, latency, memory, and the limits it breaks."""
    verdict = judge(
        context.task.bar, context.truth["dev"], *decided(context, found, teacher), split="dev", seed=context.seed
    )
    failed = timing.failed
    if found.moved:
        failed = f"{found.moved} labels change with the batch size"
    trial = Trial(
        name=candidate.name,
        role=candidate.role,
        recipe=candidate.recipe,
        engine=candidate.engine,
        parameters=candidate.parameters,
        quality=split_quality(context, found, split="dev"),
        verdict=verdict,
        size_bytes=folder_size(candidate.folder),
        latency=timing.latency,
        memory_bytes=timing.memory_bytes,
        train_s=candidate.train_s,
        notes=candidate.notes,
        failed=failed,
        bundle=candidate.folder.relative_to(context.store.root.parent).as_posix(),
        temperature=found.temperature,
        predicted_p50_s=candidate.predicted_p50_s,
    )
    return trial.model_copy(update={"over_budget": broken_limits(trial, context.task.budget)})
