"""The models of a run: a teacher, and a student that learns from what the teacher writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from penjing.files import write_text
from penjing.records import Step
from penjing.search.stages import Stage
from penjing.search.translation.context import TranslationContext
from penjing.spec import Shape
from penjing.train.loop import Progress
from penjing.train.pace import TrainPlan
from penjing.train.seq2seq import new_seq2seq, save_seq2seq, teach
from penjing.train.state import StateFile

_TEACHER_EPOCHS, _STUDENT_EPOCHS = 10.0, 12.0
_RATE, _PAIRS_A_STEP, _DROPOUT = 1.5e-3, 96, 0.1
_TEACHER_SHARE = 0.5  # of the time that all trainings may take
NEW = "new"


@dataclass(frozen=True)
class Learned:
    """A trained checkpoint."""

    folder: Path
    key: str
    recipe: tuple[Step, ...]
    train_s: float
    parameters: int


def train_teacher(context: TranslationContext) -> Learned:
    """Return the teacher as it was best on dev: trained once, kept as a stage."""
    recipe, limit_s = context.task.recipe, context.task.budget.train_time
    plan = _plan(context, recipe.epochs or _TEACHER_EPOCHS, None if limit_s is None else _TEACHER_SHARE * limit_s)
    pairs = [(pair.source, pair.target) for pair in context.splits.train]
    return _learn(context, "teacher", recipe.teacher, pairs, plan, inputs={}, step="train")


def train_student(context: TranslationContext, pairs: Sequence[tuple[str, str]], *, pairs_key: str) -> Learned:
    """Return the student that learned `pairs`, whose stage is `pairs_key`."""
    recipe, limit_s = context.task.recipe, context.task.budget.train_time
    left_s = None if limit_s is None else (1 - _TEACHER_SHARE) * limit_s
    plan = _plan(context, recipe.student_epochs or _STUDENT_EPOCHS, left_s)
    return _learn(context, "student", recipe.student, pairs, plan, inputs={"pairs": pairs_key}, step="distil")


def _plan(context: TranslationContext, epochs: float, limit_s: float | None) -> TrainPlan:
    recipe = context.task.recipe
    return TrainPlan(
        epochs=epochs,
        learning_rate=recipe.learning_rate or _RATE,
        batch_size=recipe.batch_size or _PAIRS_A_STEP,
        weight_decay=0.0,
        dropout=_DROPOUT,
        seed=recipe.seed,
        time_limit_s=limit_s,
        patience=3,
    )


def _learn(
    context: TranslationContext,
    name: str,
    shape: Shape,
    pairs: Sequence[tuple[str, str]],
    plan: TrainPlan,
    *,
    inputs: Mapping[str, Any],
    step: str,
) -> Learned:
    context.reporter.begin(name)

    def make(folder: Path, work: Path) -> None:
        pieces = context.tokenizer.get_vocab_size()
        model = new_seq2seq(shape, pieces=pieces, dropout=plan.dropout, seed=plan.seed, **context.special)
        judged = [(pair.source, pair.target) for pair in context.splits.dev]
        result = teach(
            model,
            context.rows(pairs),
            context.rows(judged),
            plan=plan,
            device=context.device,
            state_file=StateFile(work / "state.safetensors"),
            report=lambda progress: _tell(context, progress),
        )
        save_seq2seq(model, folder)
        facts = {**asdict(result), "parameters": sum(value.numel() for value in model.parameters())}
        write_text(folder / "result.json", json.dumps(facts))

    keys = {**context.base_key, "plan": asdict(plan), "shape": shape.model_dump(), **inputs}
    stage = context.store.stage(name, keys, make)
    facts = _facts(stage)
    detail = f"dev {-facts['best_score']:.3f} nats a piece after {facts['steps']:,} steps"
    context.reporter.end(detail, reused=stage.reused)
    values = {**shape.model_dump(), "epochs": plan.epochs, "learning_rate": plan.learning_rate}
    return Learned(
        stage.folder,
        stage.key,
        (context.vocabulary_step, Step(name=step, values=values)),
        float(facts["train_s"]),
        int(facts["parameters"]),
    )


def _facts(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((stage.folder / "result.json").read_text(encoding="utf-8"))
    return found


def _tell(context: TranslationContext, progress: Progress) -> None:
    score = "" if progress.score is None else f", dev {-progress.score:.3f} nats a piece"
    context.reporter.advance(progress.step, progress.steps, f"loss {progress.loss:.3f}{score}")
