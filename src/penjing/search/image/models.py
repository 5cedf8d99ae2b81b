"""The trained models of a run on pictures: the convnet that teaches, the teacher, and students cut out of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from torch import nn

from penjing.files import write_text
from penjing.measure.metrics import score
from penjing.records import Step
from penjing.search.image.context import NEW, NO_CONVNET, PictureContext
from penjing.search.recipes import Structure, structures
from penjing.shape import VisionSize
from penjing.shrink.importance import least_needed_blocks, unit_importance
from penjing.shrink.resolution import at_resolution
from penjing.shrink.structure import keep_blocks, narrow
from penjing.tasks.classify import decisions
from penjing.train.batches import paired_batches
from penjing.train.convnet import ConvNet, load_convnet, new_convnet, save_convnet
from penjing.train.convnet_checkpoint import (
    CheckpointConvNet,
    load_checkpoint_convnet,
    read_checkpoint_convnet,
    save_checkpoint_convnet,
)
from penjing.train.distill import Distillation
from penjing.train.loop import Loss, Progress, train
from penjing.train.pace import TrainPlan
from penjing.train.references import PretrainedModel, resolve_picture_model
from penjing.train.state import StateFile
from penjing.train.vision import VisionShape, VisionTransformer, new_vision_transformer
from penjing.train.vision_checkpoint import load_pretrained_vision, load_vision, save_vision, tokens_of
from penjing.train.vision_lessons import asked, deit_loss, picture_label_loss, picture_logits, student_loss

TEACHER = "teacher"
_HEAD_SIZE = 32
_BATCH = 64  # pictures a step, where the recipe says nothing
_FEWEST_STEPS, _MOST_EPOCHS = 1_500, 40.0  # few pictures are seen more often
_NEW_EPOCHS, _TUNED_EPOCHS, _CONVNET_EPOCHS = 8.0, 3.0, 6.0
_NEW_RATE, _TUNED_RATE, _CONVNET_RATE, _STUDENT_RATE = 1.5e-3, 5e-5, 3e-3, 5e-4
_TUNED_CONVNET_RATE = 2e-4
_DECAY, _PATIENCE = 0.05, 12
_STUDENT_LABELS = 0.5  # the weight of the labels in a student's loss
_SAMPLE, _FEW = 512, 128  # pictures for the importance of heads and neurons, and of blocks
_SHARES = {"convnet": 0.15, "teacher": 0.45, "students": 0.4}  # of a limited training time

Model = TypeVar("Model", VisionTransformer, ConvNet, CheckpointConvNet)


@dataclass(frozen=True)
class TrainedVision:
    """A trained model on disk."""

    name: str
    recipe: tuple[Step, ...]
    folder: Path
    key: str
    train_s: float
    parameters: int
    score: float
    """The bar's metric on dev, of the weights that were kept."""

    def load(self) -> VisionTransformer:
        """Return the model."""
        return load_vision(self.folder)


def train_convnet(context: PictureContext) -> TrainedVision | None:
    """Return the convnet that teaches the second token; None where the recipe wants none."""
    wanted = context.convnet
    if wanted == NO_CONVNET:
        return None
    if wanted != NEW:
        return _tuned_convnet(context, resolve_picture_model(wanted))
    plan = _plan(context, "convnet", epochs=_CONVNET_EPOCHS, rate=_CONVNET_RATE)

    def start() -> tuple[ConvNet, Loss]:
        mean, deviation = context.scaling
        sizes = {"labels": len(context.splits.labels), "image": context.frame.size}
        return new_convnet(**sizes, mean=mean, deviation=deviation, seed=context.seed), picture_label_loss

    inputs = {"kind": "convnet", "plan": asdict(plan)}
    return _trained(context, "convnet", (), inputs, plan, start, save_convnet)


def _tuned_convnet(context: PictureContext, model: PretrainedModel) -> TrainedVision:
    """Return the convnet of a checkpoint, fine-tuned."""
    plan = _plan(context, "convnet", epochs=_TUNED_EPOCHS, rate=_TUNED_CONVNET_RATE)

    def start() -> tuple[CheckpointConvNet, Loss]:
        found = load_checkpoint_convnet(model.folder, labels=len(context.splits.labels), seed=context.seed)
        return found, picture_label_loss

    inputs = {"kind": "convnet", "checkpoint": model.key, "plan": asdict(plan)}
    return _trained(context, "convnet", (), inputs, plan, start, save_checkpoint_convnet)


def read_convnet(folder: Path) -> ConvNet | CheckpointConvNet:
    """Return a trained convnet, whichever kind it is."""
    return read_checkpoint_convnet(folder) if (folder / "config.json").is_file() else load_convnet(folder)


def train_teacher(context: PictureContext, convnet: TrainedVision | None) -> TrainedVision:
    """Return the teacher: a Vision Transformer, whose second token learns what `convnet` says."""
    recipe, model = context.task.recipe, context.model
    epochs, rate = (_NEW_EPOCHS, _NEW_RATE) if model is None else (_TUNED_EPOCHS, _TUNED_RATE)
    plan = _plan(context, "teacher", epochs=recipe.epochs or epochs, rate=recipe.learning_rate or rate)

    def start() -> tuple[VisionTransformer, Loss]:
        tokens = 1 if convnet is None else 2
        if model is None:
            shape = vision_shape(recipe.vit, context, tokens=tokens)
            found = new_vision_transformer(shape, seed=context.seed)
        else:
            tokens = max(tokens, tokens_of(model.folder))
            found = load_pretrained_vision(model.folder, labels=context.splits.labels, tokens=tokens, seed=context.seed)
        if convnet is None:
            return found, picture_label_loss
        return found, deit_loss(asked(read_convnet(convnet.folder), device=context.device))

    step = Step(
        name="fine-tune" if model else "train",
        values={"epochs": plan.epochs, "learning_rate": plan.learning_rate, **_taught(convnet)},
    )
    inputs = {
        "kind": "teacher", "plan": asdict(plan), "vit": recipe.vit.model_dump(), "convnet": convnet and convnet.key,
    }  # fmt: skip
    found = _trained(context, TEACHER, (step,), inputs, plan, start, save_vision)
    return replace(found, train_s=found.train_s + (convnet.train_s if convnet else 0.0))


def vision_shape(size: VisionSize, context: PictureContext, *, tokens: int) -> VisionShape:
    """Return the shape of a new model for the pictures of this run."""
    image, (mean, deviation) = context.frame.size, context.scaling
    patch = size.patch or VisionSize.usual_patch(image)
    return VisionShape(
        image=image,
        patch=patch,
        hidden=size.width,
        head_size=_HEAD_SIZE,
        heads=(size.width // _HEAD_SIZE,) * size.layers,
        ffn=(size.neurons,) * size.layers,
        labels=len(context.splits.labels),
        tokens=tokens,
        mean=mean,
        deviation=deviation,
    )


def train_students(context: PictureContext, teacher: TrainedVision) -> list[TrainedVision]:
    """Return the students, largest first: each cut out of the one before, at each size of pictures that is wanted."""
    recipe, shape = context.task.recipe, teacher.load().shape
    sides = recipe.sizes or (shape.image,)
    wanted = structures(recipe, layers=shape.layers)
    students = []
    for side in sides:
        start, whole = teacher, Structure(shape.layers, 1.0, 1.0)
        for structure in wanted:
            fits = structure.fits_in(whole)
            begun = (start, whole) if fits else (teacher, Structure(shape.layers, 1.0, 1.0))
            start = _student(context, teacher, begun, structure, side=side, share=len(sides) * len(wanted))
            whole = structure
            students.append(start)
    return students


def _student(
    context: PictureContext,
    teacher: TrainedVision,
    begun: tuple[TrainedVision, Structure],
    structure: Structure,
    *,
    side: int,
    share: int,
) -> TrainedVision:
    recipe, (larger, whole) = context.task.recipe, begun
    plan = _plan(context, "students", epochs=recipe.student_epochs or _NEW_EPOCHS, rate=_STUDENT_RATE, share=share)
    lower = side != context.frame.size

    def start() -> tuple[VisionTransformer, Loss]:
        model = _cut(context, larger.load(), whole, structure)
        if lower and model.shape.image != side:
            model = at_resolution(model, side)
        told = asked(teacher.load(), device=context.device)
        return model, student_loss(told, weights=Distillation(), labels=_STUDENT_LABELS)

    steps = (*teacher.recipe, *([Step(name="resolution", values={"pixels": side})] if lower else []), *structure.steps)
    name = f"{structure.name}, {side} x {side}" if lower else structure.name
    inputs = {
        "kind": "student", "start": larger.key, "teacher": teacher.key, "structure": asdict(structure), "side": side,
        "plan": asdict(plan), "labels": _STUDENT_LABELS, "sample": [_SAMPLE, _FEW],
    }  # fmt: skip
    found = _trained(context, name, steps, inputs, plan, start, save_vision)
    return replace(found, train_s=found.train_s + teacher.train_s)


def _cut(
    context: PictureContext, model: VisionTransformer, whole: Structure, structure: Structure
) -> VisionTransformer:
    """Return the part of `model` that matters most, in the sizes of `structure`."""
    pictures = context.pictures("train")
    rows = np.random.default_rng(context.seed).permutation(len(pictures))
    few = pictures.take(rows[:_FEW])
    removed = least_needed_blocks(model, few, count=whole.layers - structure.layers, device=context.device)
    model = keep_blocks(model, [block for block in range(whole.layers) if block not in removed])
    importance = unit_importance(
        model, pictures.take(rows[:_SAMPLE]), loss=picture_label_loss, device=context.device, batch_size=64
    )
    return narrow(model, importance, heads=structure.heads / whole.heads, ffn=structure.ffn / whole.ffn)


def _trained(
    context: PictureContext,
    name: str,
    recipe: tuple[Step, ...],
    inputs: Mapping[str, Any],
    plan: TrainPlan,
    start: Callable[[], tuple[Model, Loss]],
    save: Callable[[Model, Path], None],
) -> TrainedVision:
    """Return the model that `start` begins: made once, kept as a stage, with the weights that are best on dev."""
    context.reporter.begin(name)
    lessons = context.lessons(epochs=plan.epochs)

    def tell(progress: Progress) -> None:
        score_text = "" if progress.score is None else f", dev {progress.score:.4f}"
        context.reporter.advance(progress.step, progress.steps, f"loss {progress.loss:.3f}{score_text}")

    def make(folder: Path, work: Path) -> None:
        began = time.monotonic()
        model, loss = start()
        result = train(
            model,
            tokens=lessons,
            loss=loss,
            evaluate=lambda present: dev_score(context, present),
            plan=plan.after(time.monotonic() - began),
            device=context.device,
            state_file=StateFile(work / "state.safetensors"),
            report=tell,
            batches=paired_batches,
            judged_texts=len(context.splits.dev),
        )
        save(model.cpu(), folder)
        write_text(folder / "result.json", json.dumps({**asdict(result), "parameters": model.parameter_count()}))

    metric = context.task.bar.metric
    seen = {"augment": lessons.augmentation, "mixup": lessons.mixup, "metric": metric}
    stage = context.store.stage("vision", {**context.base_key, **seen, **inputs}, make)
    result = json.loads((stage.folder / "result.json").read_text(encoding="utf-8"))
    context.reporter.end(
        f"dev {metric} {result['best_score']:.4f} after {result['steps']:,} steps", reused=stage.reused
    )
    return TrainedVision(
        name, recipe, stage.folder, stage.key, result["train_s"], result["parameters"], result["best_score"]
    )


def dev_score(context: PictureContext, model: nn.Module) -> float:
    """Return the bar's metric on dev."""
    logits = picture_logits(model, context.pictures("dev"), device=context.device)
    return score(context.task.bar.metric, context.truth["dev"], decisions(logits, multi_label=False))


def _plan(context: PictureContext, what: str, *, epochs: float, rate: float, share: int = 1) -> TrainPlan:
    recipe, limit = context.task.recipe, context.task.budget.train_time
    batch_size, count = recipe.batch_size or _BATCH, len(context.splits.train)
    size = min(batch_size, max(8, count // 8))
    asked_for = recipe.epochs if what == "teacher" else recipe.student_epochs if what == "students" else None
    more = epochs if asked_for else min(_MOST_EPOCHS, max(epochs, _FEWEST_STEPS * size / count))
    return TrainPlan(
        epochs=round(more, 2),
        learning_rate=rate,
        batch_size=size,
        weight_decay=_DECAY,
        dropout=0.0,
        seed=recipe.seed,
        time_limit_s=None if limit is None else limit * _SHARES[what] / share,
        patience=_PATIENCE,
    )


def _taught(convnet: TrainedVision | None) -> dict[str, Any]:
    return {} if convnet is None else {"convnet": round(convnet.score, 4)}
