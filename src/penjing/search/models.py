"""The trained models of a run: the teacher, and the students, each cut out of the one before where it can be."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from penjing.files import write_text
from penjing.measure.metrics import score
from penjing.records import Step
from penjing.search.context import Context
from penjing.search.recipes import Structure, structures
from penjing.shrink.importance import least_needed_blocks, unit_importance
from penjing.shrink.structure import keep_blocks, keep_pieces, narrow
from penjing.tasks.classify import decisions
from penjing.train.augment import augment
from penjing.train.batches import Tokens
from penjing.train.checkpoint import load_encoder, load_pretrained, save_encoder
from penjing.train.distill import Distillation, TeacherOutput, distillation_loss, label_loss
from penjing.train.encoder import Encoder
from penjing.train.loop import Loss, Progress, TrainPlan, TrainResult, train
from penjing.train.predict import answers_of, logits_of
from penjing.train.state import StateFile

_TEACHER_EPOCHS, _STUDENT_EPOCHS = 3.0, 9.0
_TEACHER_RATE, _STUDENT_RATE = 1e-4, 2e-4
_TEACHER_SHARE = 0.45  # of the training time; the students share the rest by their cost
_SAMPLE_TEXTS, _BLOCK_TEXTS = 256, 64  # for the importance of heads and neurons, and of blocks
_AUGMENTED_TEXTS = 40_000  # about how many texts students learn from, where the training split is smaller
_ANSWERS_A_STEP = 4.5  # texts a teacher answers in the time it trains on one
_LESSONS_SHARE = 0.12  # of the training time, that the teacher may take to answer them
_MOST_COPIES = 8
_LEAST_STUDENTS_SHARE = 0.2


@dataclass(frozen=True)
class Trained:
    """A trained model on disk."""

    name: str
    recipe: tuple[Step, ...]
    folder: Path
    key: str
    train_s: float
    text_s: float
    """Seconds of training a text."""
    parameters: int

    def load(self) -> Encoder:
        """Return the encoder."""
        return load_encoder(self.folder)


@dataclass(frozen=True)
class _Start:
    """Where a student is cut from."""

    model: Trained
    structure: Structure


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

    def start() -> tuple[Encoder, Tokens, Loss]:
        full = load_pretrained(context.model.folder, labels=len(context.splits.labels), seed=recipe.seed)
        model = keep_pieces(full, context.vocabulary.kept.tolist())
        return model, context.tokens["train"], _supervised(context, context.truth["train"])

    step = Step(name="fine-tune", values={"epochs": plan.epochs, "learning_rate": plan.learning_rate})
    return _trained(context, "teacher", (step,), {"plan": asdict(plan)}, plan, start)


def train_students(context: Context, teacher: Trained) -> list[Trained]:
    """Return the students, largest first, all taught by `teacher`."""
    shape = teacher.load().shape
    wanted = structures(context.task.recipe, layers=shape.layers)
    total = sum(structure.cost() for structure in wanted)
    lesson_folder, lesson_key = _lessons(context, teacher)
    left_s = _students_time(context, teacher)
    starts, students = [_Start(teacher, Structure(shape.layers, 1.0, 1.0))], list[Trained]()
    for structure in wanted:
        start = next(start for start in reversed(starts) if structure.fits_in(start.structure))
        limit = None if left_s is None else left_s * structure.cost() / total
        student = _train_student(context, start, structure, (lesson_folder, lesson_key), time_limit_s=limit)
        starts.append(_Start(student, structure))
        students.append(student)
    return students


def _lessons(context: Context, teacher: Trained) -> tuple[Path, str]:
    """Return the stage that holds the augmented texts and what the teacher says of them."""
    context.reporter.begin("teacher's answers")
    count = len(context.tokens["train"])
    copies = _lesson_count(context, teacher) // count - 1

    def make(folder: Path, _: Path) -> None:
        grown = augment(context.tokens["train"], copies=copies, seed=context.seed)
        said = answers_of(teacher.load(), grown, device=context.device, progress=context.reporter.advance)
        arrays = {"ids": torch.from_numpy(grown.ids), "starts": torch.from_numpy(grown.starts)}
        save_file({**arrays, "logits": said.logits, "pooled": said.pooled}, folder / "lessons.safetensors")

    stage = context.store.stage("lessons", {"teacher": teacher.key, "copies": copies, "seed": context.seed}, make)
    context.reporter.end(f"{count * (copies + 1):,} texts, {count:,} of them real", reused=stage.reused)
    return stage.folder, stage.key


def _affordable_lessons(context: Context, teacher: Trained) -> float:
    """Return how many texts the teacher can answer in its share of the time."""
    limit = _time_limit(context, _LESSONS_SHARE)
    return math.inf if limit is None else _ANSWERS_A_STEP * limit / teacher.text_s


def _students_time(context: Context, teacher: Trained) -> float | None:
    """Return the seconds that students share: what the teacher's training and its answers leave."""
    whole, left = _time_limit(context, 1.0), _time_limit(context, 1 - _TEACHER_SHARE)
    if whole is None or left is None:
        return None
    return max(_LEAST_STUDENTS_SHARE * whole, left - _lesson_count(context, teacher) * teacher.text_s / _ANSWERS_A_STEP)


def _lesson_count(context: Context, teacher: Trained) -> int:
    """Return how many texts students learn from: the training texts, and changed copies where there is time."""
    count = len(context.tokens["train"])
    texts = min(_AUGMENTED_TEXTS, _affordable_lessons(context, teacher))
    return count * (1 + max(0, min(_MOST_COPIES, round(texts / count) - 1)))


def _train_student(
    context: Context,
    start_from: _Start,
    structure: Structure,
    lessons: tuple[Path, str],
    *,
    time_limit_s: float | None,
) -> Trained:
    recipe = context.task.recipe
    folder, lesson_key = lessons
    tensors = load_file(folder / "lessons.safetensors")
    tokens = Tokens(tensors["ids"].numpy(), tensors["starts"].numpy(), context.vocabulary.pad_id)
    plan = TrainPlan(
        epochs=(recipe.student_epochs or _STUDENT_EPOCHS) * len(context.tokens["train"]) / len(tokens),
        learning_rate=_STUDENT_RATE,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        time_limit_s=time_limit_s,
        patience=3,
    )

    def start() -> tuple[Encoder, Tokens, Loss]:
        said = TeacherOutput(tensors["logits"], tensors["pooled"])
        loss = distillation_loss(said, weights=Distillation(), multi_label=context.splits.multi_label)
        return _cut(context, start_from, structure), tokens, loss

    inputs = {
        "lessons": lesson_key,
        "start": start_from.model.key,
        "structure": asdict(structure),
        "plan": asdict(plan),
        "loss": asdict(Distillation()),
    }
    fine_tune = start_from.model.recipe[:1]
    recipe_steps = (*fine_tune, context.vocabulary.step, *structure.steps)
    return _trained(context, structure.name, recipe_steps, inputs, plan, start)


def _cut(context: Context, start_from: _Start, structure: Structure) -> Encoder:
    """Return the part of the starting model that matters most, in the sizes of `structure`."""
    model, larger = start_from.model.load(), start_from.structure
    tokens, truth = _sample(context)
    few = tokens.take(np.arange(min(_BLOCK_TEXTS, len(tokens))))
    removed = least_needed_blocks(model, few, count=larger.layers - structure.layers, device=context.device)
    model = keep_blocks(model, [block for block in range(larger.layers) if block not in removed])
    importance = unit_importance(model, tokens, loss=_supervised(context, truth.numpy()), device=context.device)
    return narrow(model, importance, heads=structure.heads / larger.heads, ffn=structure.ffn / larger.ffn)


def _trained(
    context: Context,
    name: str,
    recipe: tuple[Step, ...],
    inputs: Mapping[str, Any],
    plan: TrainPlan,
    start: Callable[[], tuple[Encoder, Tokens, Loss]],
) -> Trained:
    context.reporter.begin(name)

    def make(folder: Path, work: Path) -> None:
        model, tokens, loss = start()
        result = train(
            model,
            tokens=tokens,
            loss=loss,
            evaluate=lambda present: _dev_score(context, present),
            plan=plan,
            device=context.device,
            state_file=StateFile(work / "state.safetensors"),
            report=lambda progress: _tell(context, progress),
        )
        save_encoder(model.cpu(), folder)
        write_text(folder / "result.json", json.dumps(_result(result, model)))

    metric = context.task.bar.metric
    stage_name = "teacher" if name == "teacher" else "student"
    stage = context.store.stage(stage_name, {**context.base_key, "metric": metric, **inputs}, make)
    result = json.loads((stage.folder / "result.json").read_text(encoding="utf-8"))
    detail = f"dev {metric} {result['best_score']:.4f} after {result['steps']:,} steps"
    context.reporter.end(detail, reused=stage.reused)
    text_s = result["train_s"] / (result["steps"] * plan.batch_size)
    return Trained(name, recipe, stage.folder, stage.key, result["train_s"], text_s, result["parameters"])


def _result(result: TrainResult, model: Encoder) -> dict[str, Any]:
    return {**asdict(result), "parameters": model.parameter_count()}


def _tell(context: Context, progress: Progress) -> None:
    score_text = "" if progress.score is None else f", dev {progress.score:.4f}"
    context.reporter.advance(progress.step, progress.steps, f"loss {progress.loss:.3f}{score_text}")


def _dev_score(context: Context, model: Encoder) -> float:
    logits = logits_of(model, context.tokens["dev"], device=context.device)
    predicted = decisions(logits, multi_label=context.splits.multi_label)
    return score(context.task.bar.metric, context.truth["dev"], predicted)


def _supervised(context: Context, truth: Any) -> Loss:
    return label_loss(torch.from_numpy(truth), multi_label=context.splits.multi_label)


def _sample(context: Context) -> tuple[Tokens, Tensor]:
    """Return a fixed sample of the training texts and its truth."""
    tokens = context.tokens["train"]
    rows = np.random.default_rng(context.seed).permutation(len(tokens))[:_SAMPLE_TEXTS]
    return tokens.take(rows), torch.from_numpy(context.truth["train"][rows])


def _time_limit(context: Context, share: float) -> float | None:
    limit = context.task.budget.train_time
    return None if limit is None else limit * share
