"""Students trained one after another: each cut out of the one before where it can be, all taught by one teacher."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from penjing.search.context import Context
from penjing.search.embeddings import narrow_steps, narrowed, rank_of
from penjing.search.lessons import Lessons, make_lessons, students_time
from penjing.search.models import TEXTS_A_STEP, Trained, supervised, trained_stage
from penjing.search.recipes import Structure, structures
from penjing.search.tuning import DEFAULT, Variant, tuned
from penjing.shrink.importance import least_needed_blocks, unit_importance
from penjing.shrink.structure import keep_blocks, narrow
from penjing.train.batches import Tokens
from penjing.train.distill import distillation_loss
from penjing.train.encoder import Encoder, EncoderShape
from penjing.train.loop import Loss
from penjing.train.pace import TrainPlan

_PASSES = 9.0
SAMPLE_TEXTS, BLOCK_TEXTS = 256, 32  # for the importance of heads and neurons, and of blocks
_SAMPLE_SHARE = 4  # or one of so many texts that students learn from, where these are few: there is little time


@dataclass(frozen=True)
class _Start:
    """Where a student is cut from."""

    model: Trained
    structure: Structure


def train_students(context: Context, teacher: Trained) -> list[Trained]:
    """Return the students, largest first, all taught by `teacher`."""
    shape = teacher.load().shape
    wanted = structures(context.task.recipe, layers=shape.layers)
    last = wanted[-1]
    total = sum(structure.cost() for structure in wanted) + context.task.recipe.trials * last.cost()
    lessons = make_lessons(context, teacher)
    left_s = students_time(context, teacher)
    starts, students = [_Start(teacher, Structure(shape.layers, 1.0, 1.0))], list[Trained]()
    for structure in wanted:
        start = next(start for start in reversed(starts) if structure.fits_in(start.structure))
        limit = None if left_s is None else left_s * structure.cost() / total
        student = _train_student(context, start, structure, lessons, shape, name=structure.name, time_limit_s=limit)
        starts.append(_Start(student, structure))
        students.append(student)

    def another(name: str, variant: Variant) -> Trained:
        return _train_student(context, start, last, lessons, shape, name=name, variant=variant, time_limit_s=limit)

    return [*students, *tuned(context, students[-1], another)]


def _train_student(
    context: Context,
    start_from: _Start,
    structure: Structure,
    lessons: Lessons,
    teacher_shape: EncoderShape,
    *,
    name: str,
    variant: Variant = DEFAULT,
    time_limit_s: float | None,
) -> Trained:
    plan = student_plan(
        context,
        lessons,
        variant,
        passes=_PASSES,
        texts=lessons.real,
        patience=3,
        time_limit_s=time_limit_s,
    )
    sample_texts = min(SAMPLE_TEXTS, max(BLOCK_TEXTS, lessons.real // _SAMPLE_SHARE))

    def start() -> tuple[Encoder, Tokens, Loss]:
        loss = distillation_loss(lessons.said, weights=variant.loss, multi_label=context.splits.multi_label)
        return _cut(context, start_from, structure, sample_texts=sample_texts), lessons.tokens, loss

    inputs = {
        "lessons": lessons.key,
        "start": start_from.model.key,
        "structure": asdict(structure),
        "rank": rank_of(context, teacher_shape),
        "sample": [sample_texts, BLOCK_TEXTS],
        "plan": asdict(plan),
        "loss": asdict(variant.loss),
    }
    fine_tune = start_from.model.recipe[:1]
    narrow_words = narrow_steps(context, teacher_shape)
    recipe_steps = (*fine_tune, context.vocabulary.step, *narrow_words, *structure.steps)
    return trained_stage(context, name, recipe_steps, inputs, plan, start)


def student_plan(
    context: Context,
    lessons: Lessons,
    variant: Variant,
    *,
    passes: float,
    texts: int,
    patience: int,
    time_limit_s: float | None,
) -> TrainPlan:
    """Return a plan of as many steps as `passes` over so many texts take; the recipe's passes come first."""
    recipe = context.task.recipe
    return TrainPlan(
        epochs=(recipe.student_epochs or passes) * texts / len(lessons.tokens),
        learning_rate=variant.learning_rate,
        batch_size=recipe.batch_size or TEXTS_A_STEP,
        dropout=0.0,  # a student is too small to learn its teacher by heart (docs/log.md)
        seed=recipe.seed,
        time_limit_s=time_limit_s,
        patience=patience,
    )


def _cut(context: Context, start_from: _Start, structure: Structure, *, sample_texts: int) -> Encoder:
    """Return the part of the starting model that matters most, in the sizes of `structure`."""
    model, larger = start_from.model.load(), start_from.structure
    tokens, truth = sample(context, count=sample_texts)
    few = tokens.take(np.arange(min(BLOCK_TEXTS, len(tokens))))
    removed = least_needed_blocks(model, few, count=larger.layers - structure.layers, device=context.device)
    model = keep_blocks(model, [block for block in range(larger.layers) if block not in removed])
    importance = unit_importance(model, tokens, loss=supervised(context, truth.numpy()), device=context.device)
    model = narrow(model, importance, heads=structure.heads / larger.heads, ffn=structure.ffn / larger.ffn)
    return narrowed(context, model)


def sample(context: Context, *, count: int) -> tuple[Tokens, Tensor]:
    """Return a fixed sample of the training texts and its truth."""
    tokens = context.tokens["train"]
    rows = np.random.default_rng(context.seed).permutation(len(tokens))[:count]
    return tokens.take(rows), torch.from_numpy(context.truth["train"][rows])
