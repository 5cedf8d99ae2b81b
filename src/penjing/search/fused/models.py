"""The trained models of a run on rows with several inputs: the teacher, each input alone, and narrower students."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from penjing.measure.metrics import score
from penjing.records import Step
from penjing.search.fused.context import FusedContext
from penjing.search.trained import TrainedModel, Training, train_stage
from penjing.tasks.classify import decisions
from penjing.train.distill import Distillation
from penjing.train.fused import (
    HEAD_SIZE,
    FusedModel,
    FusedOutput,
    FusedShape,
    fused_loss,
    load_fused,
    new_fused,
    save_fused,
)
from penjing.train.fused_rows import Rows, fused_logits
from penjing.train.loop import Loss
from penjing.train.pace import TrainPlan

TEACHER = "teacher"
_HIDDEN, _LAYERS, _WIDTHS = 64, 2, (32, 64, 128)
_STUDENT_WIDTHS = (0.5, 0.25)
_BATCH, _RATE, _DECAY, _PATIENCE = 64, 2e-3, 0.05, 12
_EPOCHS, _FEWEST_STEPS, _MOST_EPOCHS = 8.0, 1_000, 60.0
_LABELS = 0.5  # the weight of the labels in a student's loss
_SHARES = {"teacher": 0.4, "alone": 0.3, "students": 0.3}  # of a limited training time


@dataclass(frozen=True)
class TrainedFused(TrainedModel):
    """A trained model of several inputs on disk."""

    def load(self) -> FusedModel:
        """Return the model."""
        return load_fused(self.folder)


def train_fused_teacher(context: FusedContext) -> TrainedFused:
    """Return the teacher, which reads every input."""
    plan = _plan(context, "teacher", epochs=context.task.recipe.epochs)
    step = Step(name="train", values={"epochs": plan.epochs, "learning_rate": plan.learning_rate})
    shape = _shape(context, 1.0)
    return _trained(
        context, TEACHER, (step,), {"shape": shape.to_json()}, plan, lambda: (_new(context, shape), fused_loss),
        context.lessons(),
    )  # fmt: skip


def train_alone(context: FusedContext, name: str) -> TrainedFused:
    """Return a model of the teacher's size that learns from one input alone."""
    plan = _plan(context, "alone", epochs=context.task.recipe.epochs, share=len(context.reads))
    lessons, shape = only(context.lessons(), name), _shape(context, 1.0)
    inputs = {"shape": shape.to_json(), "alone": name}
    return _trained(
        context, f"{name} alone", (), inputs, plan, lambda: (_new(context, shape), fused_loss), lessons, alone=name
    )


def train_fused_students(context: FusedContext, teacher: TrainedFused) -> list[TrainedFused]:
    """Return narrower models with one block that learn from the teacher's answers, widest first."""
    widths = context.task.recipe.widths or _STUDENT_WIDTHS
    return [_student(context, teacher, width, share=len(widths)) for width in sorted(widths, reverse=True)]


def _student(context: FusedContext, teacher: TrainedFused, width: float, *, share: int) -> TrainedFused:
    plan = _plan(context, "students", epochs=context.task.recipe.student_epochs, share=share)
    shape = replace(_shape(context, width), heads=_shape(context, width).heads[:1])
    shape = replace(shape, ffn=shape.ffn[:1])

    def start() -> tuple[FusedModel, Loss]:
        told = teacher.load().to(context.device.name).eval()
        return _new(context, shape), _taught(told, context)

    step = Step(name="student", values={"width": width, "blocks": 1})
    inputs = {
        "shape": shape.to_json(), "teacher": teacher.key, "labels": _LABELS, "weights": asdict(Distillation()),
    }  # fmt: skip
    name = f"student, {width:.0%} wide"
    found = _trained(context, name, (*teacher.recipe, step), inputs, plan, start, context.lessons())
    return replace(found, train_s=found.train_s + teacher.train_s)


def only(rows: Rows, name: str) -> Rows:
    """Return rows without all inputs but one."""
    names = [one.name for one in rows.encoder.inputs]
    kept = names.index(name)
    found = []
    for row in rows.rows:
        for place in range(len(names)):
            row = row if place == kept else row.without(place)  # noqa: PLW2901
        found.append(row)
    return replace(rows, rows=found, left_out=0.0)


def _shape(context: FusedContext, width: float) -> FusedShape:
    hidden = max(HEAD_SIZE, round(_HIDDEN * width / HEAD_SIZE) * HEAD_SIZE)
    return FusedShape(
        inputs=context.input_shapes(),
        hidden=hidden,
        heads=(hidden // HEAD_SIZE,) * _LAYERS,
        ffn=(2 * hidden,) * _LAYERS,
        labels=len(context.splits.labels),
        widths=tuple(max(4, round(one * width)) for one in _WIDTHS),
    )


def _new(context: FusedContext, shape: FusedShape) -> FusedModel:
    return new_fused(shape, seed=context.seed)


def _taught(teacher: FusedModel, context: FusedContext) -> Loss:
    weights = Distillation()

    def loss(output: FusedOutput, indices: Any) -> Tensor:
        said = fused_answers(teacher, output, context)
        found = F.log_softmax(output.logits.float() / weights.temperature, dim=-1)
        wanted = F.softmax(said / weights.temperature, dim=-1)
        soft = F.kl_div(found, wanted, reduction="batchmean") * weights.temperature**2
        return weights.probabilities * soft + _LABELS * fused_loss(output, indices)

    return loss


def fused_answers(teacher: FusedModel, output: FusedOutput, context: FusedContext) -> Tensor:
    """Return what the teacher says of the rows that `output` answers."""
    import torch

    with torch.no_grad(), context.device.autocast():
        return teacher(output.batch).logits.float()  # type: ignore[no-any-return]


def _trained(
    context: FusedContext,
    name: str,
    recipe: tuple[Step, ...],
    inputs: Mapping[str, Any],
    plan: TrainPlan,
    start: Callable[[], tuple[FusedModel, Loss]],
    lessons: Rows,
    *,
    alone: str | None = None,
) -> TrainedFused:
    training = Training(
        plan,
        start,
        lessons,  # type: ignore[arg-type]  # a batch of several inputs goes where one tensor does
        lambda present: dev_score(context, present, alone=alone),
        save_fused,
    )
    seen = {
        "data": context.data_key, "plan": asdict(plan), "changes": dict(lessons.changes), "left_out": lessons.left_out,
        **inputs,
    }  # fmt: skip
    stage, found = train_stage(context, name, training, device=context.device, stage="fused", inputs=seen)
    return TrainedFused(
        name, recipe, stage.folder, stage.key, found["train_s"], found["parameters"], found["best_score"]
    )


def dev_score(context: FusedContext, model: FusedModel, *, alone: str | None = None) -> float:
    """Return the bar's metric on dev."""
    rows = context.examples("dev")
    logits = fused_logits(model, rows if alone is None else only(rows, alone), device=context.device)
    return score(context.task.bar.metric, context.truth["dev"], decisions(logits, multi_label=False))


def _plan(context: FusedContext, what: str, *, epochs: float | None, share: int = 1) -> TrainPlan:
    recipe, limit = context.task.recipe, context.task.budget.train_time
    count = len(context.splits.train)
    size = min(recipe.batch_size or _BATCH, max(8, count // 8))
    return TrainPlan(
        epochs=round(epochs or min(_MOST_EPOCHS, max(_EPOCHS, _FEWEST_STEPS * size / count)), 2),
        learning_rate=recipe.learning_rate or _RATE,
        batch_size=size,
        weight_decay=_DECAY,
        dropout=0.0,
        seed=recipe.seed,
        time_limit_s=None if limit is None else limit * _SHARES[what] / share,
        patience=_PATIENCE,
    )
