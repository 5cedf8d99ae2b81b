"""The trained models of a run: the teacher, and the students, each started from the one before."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from penjing.measure.metrics import score
from penjing.records import Step
from penjing.search.context import Context
from penjing.search.recipes import Structure, structures
from penjing.search.stages import write_text
from penjing.shrink.importance import least_needed_blocks, unit_importance
from penjing.shrink.structure import keep_blocks, keep_pieces, narrow
from penjing.tasks.classify import decisions
from penjing.train.batches import Tokens
from penjing.train.checkpoint import load_encoder, load_pretrained, save_encoder
from penjing.train.distill import Distillation, distillation_loss, label_loss, matched_layers
from penjing.train.encoder import Encoder
from penjing.train.loop import Loss, Progress, TrainPlan, TrainResult, train
from penjing.train.predict import logits_of
from penjing.train.state import StateFile

_TEACHER_EPOCHS, _STUDENT_EPOCHS = 3.0, 5.0
_TEACHER_RATE, _STUDENT_RATE = 1e-4, 2e-4
_TEACHER_SHARE = 0.45  # of the training time; the students share the rest by their cost
_IMPORTANCE_TEXTS = 512


@dataclass(frozen=True)
class Trained:
    """A trained model on disk."""

    name: str
    recipe: tuple[Step, ...]
    folder: Path
    key: str
    train_s: float
    parameters: int

    def load(self) -> Encoder:
        """Return the encoder."""
        return load_encoder(self.folder)


def train_teacher(context: Context) -> Trained:
    """Return the teacher: the pretrained model with a trimmed vocabulary, fine-tuned on the training split."""
    recipe = context.task.recipe
    plan = TrainPlan(
        epochs=recipe.epochs or _TEACHER_EPOCHS,
        learning_rate=recipe.learning_rate or _TEACHER_RATE,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        time_limit_s=_time_limit(context, _TEACHER_SHARE),
    )

    def start() -> tuple[Encoder, Loss]:
        full = load_pretrained(context.model.folder, labels=len(context.splits.labels), seed=recipe.seed)
        return keep_pieces(full, context.vocabulary.kept.tolist()), _supervised(context)

    recipe_steps = (Step(name="fine-tune", values={"epochs": plan.epochs, "learning_rate": plan.learning_rate}),)
    return _trained(context, "teacher", recipe_steps, {"plan": asdict(plan)}, plan, start)


def train_students(context: Context, teacher: Trained) -> list[Trained]:
    """Return the students, largest first; each starts from the one before and learns from the teacher."""
    model = teacher.load()
    wanted = structures(context.task.recipe, layers=model.shape.layers)
    total = sum(structure.cost() for structure in wanted)
    blocks = least_needed_blocks(model, _sample(context)[0], device=context.device)
    students = []
    for structure in wanted:
        limit = _time_limit(context, (1 - _TEACHER_SHARE) * structure.cost() / total)
        students.append(_train_student(context, teacher, structure, blocks, time_limit_s=limit))
    return students


def _train_student(
    context: Context,
    teacher: Trained,
    structure: Structure,
    removal_order: Sequence[int],
    *,
    time_limit_s: float | None,
) -> Trained:
    recipe = context.task.recipe
    plan = TrainPlan(
        epochs=recipe.student_epochs or _STUDENT_EPOCHS,
        learning_rate=_STUDENT_RATE,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        time_limit_s=time_limit_s,
        patience=3,
    )

    def start() -> tuple[Encoder, Loss]:
        model = teacher.load()
        gone = removal_order[: model.shape.layers - structure.layers]
        kept = [block for block in range(model.shape.layers) if block not in gone]
        logits = torch.from_numpy(logits_of(model, context.tokens["train"], device=context.device))
        loss = distillation_loss(
            model,
            logits,
            context.tokens["train"],
            supervised=_supervised(context),
            matched=matched_layers(kept, layers=model.shape.layers),
            weights=Distillation(),
            device=context.device,
            multi_label=context.splits.multi_label,
        )
        return _cut(context, model, structure, kept), loss

    inputs = {"teacher": teacher.key, "structure": asdict(structure), "plan": asdict(plan)}
    recipe_steps = (*teacher.recipe, context.vocabulary.step, *structure.steps)
    return _trained(context, structure.name, recipe_steps, inputs, plan, start)


def _cut(context: Context, model: Encoder, structure: Structure, kept: Sequence[int]) -> Encoder:
    tokens, truth = _sample(context)
    supervised = label_loss(truth, multi_label=context.splits.multi_label)
    importance = unit_importance(
        model, tokens, loss=lambda output, rows: supervised(output, rows, torch.empty(0)), device=context.device
    )
    return keep_blocks(narrow(model, importance, heads=structure.heads, ffn=structure.ffn), kept)


def _trained(
    context: Context,
    name: str,
    recipe: tuple[Step, ...],
    inputs: Mapping[str, Any],
    plan: TrainPlan,
    start: Callable[[], tuple[Encoder, Loss]],
) -> Trained:
    context.reporter.begin(name)

    def make(folder: Path, work: Path) -> None:
        model, loss = start()
        result = train(
            model,
            tokens=context.tokens["train"],
            loss=loss,
            evaluate=lambda present: _dev_score(context, present),
            plan=plan,
            device=context.device,
            state_file=StateFile(work / "state.safetensors"),
            report=lambda progress: _tell(context, progress),
        )
        save_encoder(model.cpu(), folder)
        write_text(folder / "result.json", json.dumps(_result(result, model)))

    stage_name = "teacher" if name == "teacher" else "student"
    stage = context.store.stage(stage_name, {**context.base_key, **inputs}, make)
    result = json.loads((stage.folder / "result.json").read_text(encoding="utf-8"))
    metric = context.task.bar.metric
    detail = f"dev {metric} {result['best_score']:.4f} after {result['steps']} steps"
    context.reporter.end(detail, reused=stage.reused)
    return Trained(name, recipe, stage.folder, stage.key, result["train_s"], result["parameters"])


def _result(result: TrainResult, model: Encoder) -> dict[str, Any]:
    return {**asdict(result), "parameters": model.parameter_count()}


def _tell(context: Context, progress: Progress) -> None:
    score_text = "" if progress.score is None else f", dev {progress.score:.4f}"
    context.reporter.advance(progress.step, progress.steps, f"loss {progress.loss:.3f}{score_text}")


def _dev_score(context: Context, model: Encoder) -> float:
    logits = logits_of(model, context.tokens["dev"], device=context.device)
    predicted = decisions(logits, multi_label=context.splits.multi_label)
    return score(context.task.bar.metric, context.truth["dev"], predicted)


def _supervised(context: Context) -> Loss:
    return label_loss(torch.from_numpy(context.truth["train"]), multi_label=context.splits.multi_label)


def _sample(context: Context) -> tuple[Tokens, Tensor]:
    """Return a fixed sample of the training texts and its truth: for importance and calibration."""
    tokens = context.tokens["train"]
    rows = np.random.default_rng(context.seed).permutation(len(tokens))[:_IMPORTANCE_TEXTS]
    return tokens.take(rows), torch.from_numpy(context.truth["train"][rows])


def _time_limit(context: Context, share: float) -> float | None:
    limit = context.task.budget.train_time
    return None if limit is None else limit * share
