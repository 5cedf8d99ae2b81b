"""Students cut out of a teacher of pixels: blocks, heads and neurons that matter most, and fewer pixels."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from penjing.records import Step
from penjing.search.pixels.context import PixelContext
from penjing.search.pixels.trained import Trained, plan_for, trained
from penjing.search.recipes import Structure, structures
from penjing.shrink.importance import least_needed_blocks, unit_importance
from penjing.shrink.resolution import at_resolution
from penjing.shrink.structure import keep_blocks, narrow
from penjing.train.distill import Distillation
from penjing.train.loop import Loss
from penjing.train.sound import SoundTransformer
from penjing.train.sound_checkpoint import save_sound
from penjing.train.vision import VisionTransformer
from penjing.train.vision_checkpoint import save_vision
from penjing.train.vision_lessons import asked, picture_label_loss, student_loss

STUDENT_LABELS = 0.5  # the weight of the labels in a student's loss
_EPOCHS, _FEWEST_STEPS = 8.0, 1_500
_RATE, _TUNED_RATE = 5e-4, 6e-5  # of what was new, and of what a checkpoint knew: that is soon forgotten
_TUNED_WEIGHTS = Distillation(hidden=10.0)  # so it keeps to its teacher's state too
_SAMPLE, _FEW = 512, 128  # examples for the importance of heads and neurons, and of blocks

Cut = VisionTransformer | SoundTransformer


def train_students(context: PixelContext, teacher: Trained) -> list[Trained]:
    """Return the students, largest first: each cut out of the one before, at each size of pictures that is wanted."""
    recipe, shape = context.task.recipe, teacher.load().shape
    sides = recipe.sizes or (context.side,)
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
    context: PixelContext,
    teacher: Trained,
    begun: tuple[Trained, Structure],
    structure: Structure,
    *,
    side: int,
    share: int,
) -> Trained:
    recipe, (larger, whole) = context.task.recipe, begun
    epochs = recipe.student_epochs or _EPOCHS
    rate, weights = (_RATE, Distillation()) if context.model is None else (_TUNED_RATE, _TUNED_WEIGHTS)
    plan = plan_for(context, "students", epochs=epochs, rate=rate, fewest_steps=_FEWEST_STEPS, share=share)
    lower = side != context.side

    def start() -> tuple[Any, Loss]:
        model = _cut(context, larger.load(), whole, structure)
        if lower and isinstance(model, VisionTransformer) and model.shape.image != side:
            model = at_resolution(model, side)
        told = asked(teacher.load(), device=context.device)
        return model, student_loss(told, weights=weights, labels=STUDENT_LABELS)

    steps = (*teacher.recipe, *([Step(name="resolution", values={"pixels": side})] if lower else []), *structure.steps)
    name = f"{structure.name}, {side} x {side}" if lower else structure.name
    inputs = {
        "kind": "student", "start": larger.key, "teacher": teacher.key, "structure": asdict(structure), "side": side,
        "plan": asdict(plan), "labels": STUDENT_LABELS, "sample": [_SAMPLE, _FEW], "weights": asdict(weights),
    }  # fmt: skip
    found = trained(context, name, steps, inputs, plan, start, _save)
    return replace(found, train_s=found.train_s + teacher.train_s)


def _save(model: Cut, folder: Path) -> None:
    if isinstance(model, SoundTransformer):
        save_sound(model, folder)
    else:
        save_vision(model, folder)


def _cut(context: PixelContext, model: Any, whole: Structure, structure: Structure) -> Any:
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
