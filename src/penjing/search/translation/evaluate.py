"""Candidates become trials: their translations of dev, from the exported files, their speed and memory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from penjing.files import write_text
from penjing.masking import SENTINEL
from penjing.measure.latency import Measured, measure_systems
from penjing.measure.machine import instruction_set, machine
from penjing.measure.scored import judge_scored, scored_quality
from penjing.measure.size import folder_size
from penjing.measure.translation import CorpusScored, score_translations
from penjing.records import Latency, Trial
from penjing.search.choose import broken_limits
from penjing.search.translation.candidates import TranslationCandidate
from penjing.search.translation.context import TranslationContext
from penjing.translation.api import make_wish
from penjing.translation.references import open_translator
from penjing.translation.worker import worker_command

_LATENCY_TEXTS = 200
ROUNDS, BLOCK = 6, 20
_AT_ONCE = 500


def translations(context: TranslationContext, candidate: TranslationCandidate, split: str) -> list[str]:
    """Return what the candidate's exported file makes of the masked texts of a split, from its stage."""
    sources = context.sources(split)

    def make(folder: Path, _: Path) -> None:
        found: list[str] = []
        with open_translator(str(candidate.folder), threads=context.task.budget.threads) as opened:
            wish = make_wish(opened, None, None)
            for start in range(0, len(sources), _AT_ONCE):
                found += opened.best(sources[start : start + _AT_ONCE], wish)
                context.reporter.advance(len(found), len(sources), candidate.name)
        write_text(folder / "translations.json", json.dumps(found, ensure_ascii=False))

    inputs = {
        "bundle": candidate.key, "data": context.data_key, "isa": instruction_set(), "searched": "as served",
    }  # fmt: skip
    stage = context.store.stage(f"{split}-translations", inputs, make)
    found: list[str] = json.loads((stage.folder / "translations.json").read_text(encoding="utf-8"))
    return found


def scores(
    context: TranslationContext, candidates: Sequence[TranslationCandidate], *, split: str
) -> dict[str, CorpusScored]:
    """Return what each candidate, by its name, scored on a split by the metric of the bar."""
    metric, target = context.task.bar.metric, context.languages[1]
    context.reporter.begin(f"{split} {metric}")
    expected = [plain(text) for text in context.targets(split)]
    found = {}
    for candidate in candidates:
        texts = [plain(text) for text in translations(context, candidate, split)]
        found[candidate.name] = score_translations(metric, texts, expected, target=target)
    best = max(found.values(), key=lambda one: one.value)
    context.reporter.end(f"{len(found)} bundles, the best {best.value:.4f}", reused=False)
    return found


def plain(text: str) -> str:
    """Return the text with a word for each sentinel, so that it counts as one."""
    return SENTINEL.sub(r" X\1 ", text)


def speeds(context: TranslationContext, candidates: Sequence[TranslationCandidate]) -> dict[str, Measured]:
    """Return latency and peak memory of every candidate, measured side by side in processes of their own."""
    context.reporter.begin("speed and memory")
    budget = context.task.budget
    rows = np.random.default_rng(context.task.recipe.seed).permutation(len(context.splits.dev))[:_LATENCY_TEXTS]
    typed = context.typed("dev")
    texts = [typed[row] for row in rows]

    def make(folder: Path, _: Path) -> None:
        measured = measure_systems(
            {one.name: worker_command(one.folder, threads=budget.threads) for one in candidates},
            texts,
            threads=budget.threads,
            batch_size=budget.batch_size,
            rounds=ROUNDS,
            block=BLOCK,
            progress=context.reporter.advance,
        )
        kept = {
            name: {
                "latency": None if one.latency is None else one.latency.model_dump(),
                "memory_bytes": one.memory_bytes,
                "throughput_per_s": one.throughput_per_s,
                "failed": one.failed,
            }
            for name, one in measured.items()
        }
        write_text(folder / "speeds.json", json.dumps(kept))

    inputs = {
        "bundles": {one.name: one.key for one in candidates},
        "threads": budget.threads,
        "batch_size": budget.batch_size,
        "texts": "as typed",
        "machine": machine().model_dump(),
    }
    stage = context.store.stage("speeds", inputs, make)
    kept = json.loads((stage.folder / "speeds.json").read_text(encoding="utf-8"))
    if any(row["failed"] for row in kept.values()):
        context.store.forget(stage)  # what failed may succeed the next time
    context.reporter.end(f"{len(candidates)} bundles took turns", reused=stage.reused)
    return {
        name: Measured(**{**row, "latency": row["latency"] and Latency.model_validate(row["latency"])})
        for name, row in kept.items()
    }


def make_translation_trial(
    context: TranslationContext,
    candidate: TranslationCandidate,
    found: CorpusScored,
    speed: Measured,
    *,
    teacher: CorpusScored,
) -> Trial:
    """Return the trial: quality and verdict on dev, size, speed, memory, and the limits it breaks."""
    task, seed = context.task, context.task.recipe.seed
    rate = speed.throughput_per_s
    trial = Trial(
        name=candidate.name,
        role=candidate.role,
        recipe=candidate.recipe,
        engine=candidate.engine,
        parameters=candidate.parameters,
        quality=scored_quality(found, split="dev", seed=seed),
        verdict=judge_scored(task.bar, found, teacher, split="dev", seed=seed),
        size_bytes=folder_size(candidate.folder),
        latency=speed.latency,
        memory_bytes=speed.memory_bytes,
        train_s=candidate.train_s,
        notes=(*candidate.notes, *(() if rate is None else (f"translates {rate:.0f} texts/s at batch 32",))),
        failed=speed.failed,
        bundle=candidate.folder.relative_to(context.store.root.parent).as_posix(),
    )
    return trial.model_copy(update={"over_budget": broken_limits(trial, task.budget)})
