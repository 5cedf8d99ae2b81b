"""Candidates measured: bits per byte or answers of the file as it will be used, and its speed in llama.cpp."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

import numpy as np

from penjing.data.passages import Passage
from penjing.engines.text.base import Message
from penjing.engines.text.process import worker_command
from penjing.files import write_text
from penjing.gguf import read_header
from penjing.measure.bits import Surprise, perplexity
from penjing.measure.machine import machine
from penjing.measure.scored import Scored, judge_scored, scored_quality
from penjing.measure.text_speed import ROUNDS, Prompt, TextSpeed, measure_text
from penjing.records import Trial
from penjing.search.choose import broken_limits
from penjing.search.text.answers import answers_scored
from penjing.search.text.candidates import TextCandidate
from penjing.search.text.context import TextContext
from penjing.search.text.questions import TIMED_CONTEXT
from penjing.spec import ANSWER_METRICS
from penjing.train.causal import load_causal, surprise
from penjing.units import show_seconds

ENGINE = "llamacpp"
_PROMPT_CHARACTERS = 240


def scores(context: TextContext, candidates: Sequence[TextCandidate], *, split: str) -> dict[str, Scored]:
    """Return what each candidate, by its name, scored on the passages of a split by the metric of the bar."""
    if context.task.bar.metric in ANSWER_METRICS:
        return answers_scored(context, candidates, split=split)
    context.reporter.begin(f"{split} bits per byte")
    found, new = {}, 0
    for place, candidate in enumerate(candidates):
        surprised, reused = _surprise(context, candidate, split)
        found[candidate.name] = surprised.scored
        new += not reused
        context.reporter.advance(place + 1, len(candidates), candidate.name)
    context.reporter.end(f"{len(found)} files, {new} of them new", reused=not new)
    return found


def _surprise(context: TextContext, candidate: TextCandidate, split: str) -> tuple[Surprise, bool]:
    def make(folder: Path, _: Path) -> None:
        windows = context.windows(candidate.path, split)
        found = surprise(load_causal(candidate.path), windows, device=context.device)
        np.save(folder / "nats.npy", found.nats)

    inputs = {"file": candidate.key, "data": context.data_key, "window": context.window}
    stage = context.store.stage(f"{split}-bits", inputs, make)
    n_bytes = np.array([len(passage.text.encode()) for passage in getattr(context.splits, split)], np.float64)
    return Surprise(np.load(stage.folder / "nats.npy"), n_bytes), stage.reused


def dev_perplexities(
    context: TextContext, candidates: Sequence[TextCandidate], on_dev: Mapping[str, Scored]
) -> dict[str, float]:
    """Return the perplexity of a piece of dev for each candidate; nothing where answers are judged."""
    if context.task.bar.metric in ANSWER_METRICS:
        return {}
    n_bytes = sum(len(passage.text.encode()) for passage in context.splits.dev)
    return {
        found.name: perplexity(on_dev[found.name].value, n_bytes=n_bytes, pieces=_pieces(context, found))
        for found in candidates
    }


def _pieces(context: TextContext, candidate: TextCandidate) -> int:
    """Return how many pieces of dev a candidate is judged on: counted once for each vocabulary."""

    def make(folder: Path, _: Path) -> None:
        windows = context.windows(candidate.path, "dev")
        write_text(folder / "count.json", json.dumps(int((windows.tokens.lengths - windows.scored_from).sum())))

    tokens = read_header(candidate.path).metadata["tokenizer.ggml.tokens"]
    inputs = {**context.base_key, "pieces": tokens.count}
    stage = context.store.stage("dev-pieces", inputs, make)
    return int(json.loads((stage.folder / "count.json").read_text(encoding="utf-8")))


def speeds(context: TextContext, candidates: Sequence[TextCandidate]) -> Mapping[str, TextSpeed]:
    """Return how fast each candidate writes here, and the memory it takes, measured side by side."""
    context.reporter.begin("speed and memory")
    threads = context.task.budget.threads

    def make(folder: Path, _: Path) -> None:
        commands = {
            candidate.name: (ENGINE, worker_command(ENGINE, candidate.path, threads=threads, context=TIMED_CONTEXT))
            for candidate in candidates
        }
        asked = prompts(context)
        rounds = min(ROUNDS, len(asked) - 1)
        measured = measure_text(commands, asked, threads=threads, rounds=rounds, progress=context.reporter.advance)
        write_text(folder / "speeds.json", json.dumps({name: asdict(found) for name, found in measured.items()}))

    inputs = {
        "files": {candidate.name: candidate.key for candidate in candidates},
        "threads": threads,
        "machine": machine().model_dump(),
    }
    stage = context.store.stage("timings", inputs, make)
    rows = json.loads((stage.folder / "speeds.json").read_text(encoding="utf-8"))
    if any(row["failed"] for row in rows.values()):
        context.store.forget(stage)  # what failed may succeed the next time
    context.reporter.end(f"{len(candidates)} files took turns", reused=stage.reused)
    return {name: TextSpeed(**row) for name, row in rows.items()}


def prompts(context: TextContext) -> list[Prompt]:
    """Return what the files are timed on: prompts of dev, or the beginnings of its passages, each once."""
    return list(dict.fromkeys(_prompt(passage) for passage in context.timed))[: ROUNDS + 1]


def _prompt(passage: Passage) -> Prompt:
    if not passage.prompt:
        return passage.text[:_PROMPT_CHARACTERS]
    return tuple(Message(role, content) for role, content in passage.prompt)  # type: ignore[arg-type]


def make_text_trial(
    context: TextContext,
    candidate: TextCandidate,
    found: Scored,
    speed: TextSpeed,
    *,
    teacher: Scored,
    perplexity: float | None,
) -> Trial:
    """Return the trial: quality and verdict on dev, size, speed, memory, and the limits it breaks."""
    trial = Trial(
        name=candidate.name,
        role=candidate.role,
        recipe=candidate.recipe,
        engine=ENGINE,
        parameters=candidate.parameters,
        quality=scored_quality(found, split="dev", seed=context.task.recipe.seed),
        verdict=judge_scored(context.task.bar, found, teacher, split="dev", seed=context.task.recipe.seed),
        size_bytes=candidate.path.stat().st_size,
        latency=speed.latency(threads=context.task.budget.threads),
        memory_bytes=speed.memory_bytes,
        train_s=candidate.train_s,
        notes=(*candidate.notes, *_perplexity(perplexity), *_written(speed)),
        failed=speed.failed,
        bundle=_relative(context, candidate.path.parent),
    )
    return trial.model_copy(update={"over_budget": broken_limits(trial, context.task.budget)})


def _perplexity(value: float | None) -> tuple[str, ...]:
    return () if value is None else (f"perplexity on dev {value:,.1f}, of its own pieces",)


def _written(speed: TextSpeed) -> tuple[str, ...]:
    if not speed.token_s:
        return ()
    return (f"writes {1 / median(speed.token_s):.0f} tokens/s, the first after {show_seconds(median(speed.first_s))}",)


def _relative(context: TextContext, path: Path) -> str | None:
    """Return the folder relative to the run's, or None where it lies elsewhere."""
    run = context.store.root.parent
    return path.relative_to(run).as_posix() if path.is_relative_to(run) else None
