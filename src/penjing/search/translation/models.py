"""The models of a run: a teacher, new or from a checkpoint, and a student that learns from what the teacher writes."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from penjing.bundle.manifest import Origin
from penjing.export.translation_checkpoint import check_weights, checkpoint_origin
from penjing.files import file_sha256, write_text
from penjing.records import Step
from penjing.search.stages import Stage
from penjing.search.translation.context import TranslationContext
from penjing.shape import Shape
from penjing.shrink.pair_vocabulary import SPECIAL, keep_rows, trim_to_pair
from penjing.shrink.translator import can_cut, cut
from penjing.train.checkpoint_pieces import read_checkpoint_pieces
from penjing.train.loop import Progress
from penjing.train.pace import TrainPlan
from penjing.train.piece_lessons import piece_lesson
from penjing.train.piece_table import PieceTable
from penjing.train.references import download_from_hub
from penjing.train.seq2seq import load_seq2seq, loss_of, new_seq2seq, pair_rows, save_seq2seq, teach
from penjing.train.state import StateFile

NEW = "new"
_TEACHER_EPOCHS, _STUDENT_EPOCHS, _TUNING_EPOCHS = 10.0, 10.0, 3.0
_RATE, _TUNING_RATE, _PAIRS_A_STEP = 1.5e-3, 5e-5, 96
_TOLD_DROPOUT = 0.1  # of a student that is told what is probable, and so learns less by heart
_HEALING_RATE, _TUNED_HEALING_RATE = 1e-3, 3e-4  # of what is cut out of a new teacher, and of a checkpoint
_PAIRS_TO_CUT = 256
_TEACHER_SHARE = 0.5  # of the time that all trainings may take
_STUDENTS = 2  # of the teacher, and of the references alone
_HUB_FILES = ("*.json", "*.safetensors", "*.spm", "*.model", "README.md")
_DEPENDED_ON = (".json", ".safetensors", ".spm", ".model")


@dataclass(frozen=True)
class Learned:
    """A trained checkpoint, and how it spells."""

    folder: Path
    key: str
    recipe: tuple[Step, ...]
    train_s: float
    parameters: int
    table: PieceTable
    shape: Shape
    origin: Origin | None = None
    """What it started from, where that is a checkpoint."""


def train_teacher(context: TranslationContext) -> Learned:
    """Return the teacher as it was best on dev: trained once, kept as a stage.

    Raises:
        ModelError: the checkpoint that the task names does not translate, or is refused.
        TaskError: it does not know a language.
    """
    recipe, limit_s = context.task.recipe, context.task.budget.train_time
    share_s = None if limit_s is None else _TEACHER_SHARE * limit_s
    pairs = [(pair.source, pair.target) for pair in context.splits.train]
    if context.task.model != NEW:
        return _tuned_teacher(context, pairs, share_s)
    plan = _plan(context, recipe.epochs or _TEACHER_EPOCHS, _RATE, share_s, dropout=recipe.dropout)
    return _new_model(context, "teacher", recipe.teacher, pairs, plan, inputs={}, step="train")


@dataclass(frozen=True)
class Lesson:
    """Pairs that a student learns."""

    pairs: Sequence[tuple[str, str]]
    key: str
    """Stands for the pairs."""
    step: str
    """The recipe step: "distil" where a teacher has a part in it, "learn" where only people have."""
    by: Learned | None = None
    """Who says how probable every piece is, beside which one is right; None: nobody."""
    passes: float = 1.0
    """How many passes over these pairs are one over the texts, of which some come twice."""

    def inputs(self, table: PieceTable) -> dict[str, Any]:
        """Return what a student with the pieces of `table` depends on."""
        by = self.teacher_of(table)
        return {"pairs": self.key, **({} if by is None else {"by": by.key})}

    def teacher_of(self, table: PieceTable) -> Learned | None:
        """Return who says how probable pieces are, where they are those of `table`."""
        return self.by if self.by is not None and self.by.table.names == table.names else None


def as_given(context: TranslationContext) -> Lesson:
    """Return the training pairs as people wrote them."""
    return Lesson([(pair.source, pair.target) for pair in context.splits.train], "as given", "learn")


def train_student(context: TranslationContext, teacher: Learned, lesson: Lesson) -> Learned:
    """Return the student that learned `lesson`, cut out of the teacher where that holds it."""
    shape, pairs = context.task.recipe.student or teacher.shape.student, lesson.pairs
    if not can_cut(teacher.shape, shape):
        return new_student(context, shape, lesson)
    plan = _student_plan(context, lesson, _HEALING_RATE if teacher.origin is None else _TUNED_HEALING_RATE)
    keys = {"teacher": teacher.key, "plan": asdict(plan), "shape": _sizes(shape), **lesson.inputs(teacher.table)}

    def make_model() -> Any:
        model = load_seq2seq(teacher.folder, dropout=plan.dropout)
        rows = pair_rows(teacher.table, pairs[:: -(-len(pairs) // _PAIRS_TO_CUT)], pad=model.config.pad_token_id)
        cut(model, shape, rows, device=context.device, progress=partial(context.reporter.advance, detail="cutting"))
        return model

    stage, facts = _learn(
        context, "student", teacher.table, pairs, plan, keys=keys, make_model=make_model,
        by=lesson.teacher_of(teacher.table),
    )  # fmt: skip
    recipe = (*teacher.recipe, Step(name="cut", values=_sizes(shape)), _taught(lesson.step, plan))
    return replace(
        teacher, folder=stage.folder, key=stage.key, recipe=recipe, train_s=float(facts["train_s"]),
        parameters=int(facts["parameters"]), shape=shape,
    )  # fmt: skip


def new_student(context: TranslationContext, shape: Shape, lesson: Lesson) -> Learned:
    """Return a student that starts from nothing and learned `lesson`."""
    plan, table = _student_plan(context, lesson, _RATE), context.table
    return _new_model(
        context, "student", shape, lesson.pairs, plan,
        inputs=lesson.inputs(table), step=lesson.step, by=lesson.teacher_of(table),
    )  # fmt: skip


def _student_plan(context: TranslationContext, lesson: Lesson, rate: float) -> TrainPlan:
    recipe, limit_s = context.task.recipe, context.task.budget.train_time
    left_s = None if limit_s is None else (1 - _TEACHER_SHARE) / _STUDENTS * limit_s
    epochs = (recipe.student_epochs or _STUDENT_EPOCHS) * lesson.passes
    dropout = recipe.dropout if lesson.by is None else _TOLD_DROPOUT
    return _plan(context, epochs, rate, left_s, dropout=dropout)


def _plan(
    context: TranslationContext, epochs: float, rate: float, limit_s: float | None, *, dropout: float
) -> TrainPlan:
    recipe = context.task.recipe
    return TrainPlan(
        epochs=epochs,
        learning_rate=recipe.learning_rate or rate,
        batch_size=recipe.batch_size or _PAIRS_A_STEP,
        weight_decay=0.0,
        dropout=dropout,
        seed=recipe.seed,
        time_limit_s=limit_s,
        patience=3,
    )


def _new_model(
    context: TranslationContext,
    name: str,
    shape: Shape,
    pairs: Sequence[tuple[str, str]],
    plan: TrainPlan,
    *,
    inputs: Mapping[str, Any],
    step: str,
    by: Learned | None = None,
) -> Learned:
    table = context.table
    keys = {**context.base_key, "plan": asdict(plan), "shape": _sizes(shape), **inputs}
    stage, facts = _learn(
        context, name, table, pairs, plan, keys=keys, make_model=lambda: new_seq2seq(shape, table, plan=plan), by=by
    )
    taught = _taught(step, plan)
    recipe = (
        Step(name="vocabulary", values={"pieces": len(table.names)}),
        taught.model_copy(update={"values": {**_sizes(shape), **taught.values}}),
    )
    return Learned(stage.folder, stage.key, recipe, float(facts["train_s"]), int(facts["parameters"]), table, shape)


def _tuned_teacher(context: TranslationContext, pairs: Sequence[tuple[str, str]], limit_s: float | None) -> Learned:
    """Return the checkpoint that the task names, with the pieces that the pair needs, fine-tuned on `pairs`."""
    reference, recipe = context.task.model, context.task.recipe
    scheme, colon, name = reference.partition(":")
    is_hub = bool(colon) and scheme == "hf"
    folder = download_from_hub(name, reference=reference, files=_HUB_FILES) if is_hub else Path(reference)
    check_weights(folder)
    whole = read_checkpoint_pieces(folder, context.languages)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    special = [int(config[name]) for name in SPECIAL if config.get(name) is not None]
    sources, targets = zip(*pairs, strict=True)
    table, kept = trim_to_pair(whole, sources, targets, special=special, size=recipe.vocabulary)
    files = sorted(path for path in folder.iterdir() if path.suffix in _DEPENDED_ON)
    key = hashlib.sha256("".join(path.name + file_sha256(path) for path in files).encode()).hexdigest()
    plan = _plan(context, recipe.epochs or _TUNING_EPOCHS, _TUNING_RATE, limit_s, dropout=recipe.dropout)
    keys = {"data": context.data_key, "checkpoint": key, "pieces": len(kept), "plan": asdict(plan)}

    def make_model() -> Any:
        model = load_seq2seq(folder, dropout=plan.dropout)
        keep_rows(model, kept)
        return model

    stage, facts = _learn(context, "teacher", table, pairs, plan, keys=keys, make_model=make_model)
    steps = (
        Step(name="vocabulary", values={"pieces": len(kept), "of": len(whole.names)}),
        _taught("fine-tune", plan),
    )
    return Learned(
        stage.folder, stage.key, steps, float(facts["train_s"]), int(facts["parameters"]), table,
        shape=_shape_of(config), origin=checkpoint_origin(reference, folder),
    )  # fmt: skip


def _shape_of(config: Mapping[str, Any]) -> Shape:
    """Return the size of a checkpoint, which may be one that no task could ask for."""
    return Shape.model_construct(
        width=config["d_model"],
        encoder=config["encoder_layers"],
        decoder=config["decoder_layers"],
        ffn=min(config["encoder_ffn_dim"], config["decoder_ffn_dim"]),
    )


def _sizes(shape: Shape) -> dict[str, int]:
    return shape.model_dump(exclude_none=True)


def _taught(name: str, plan: TrainPlan) -> Step:
    return Step(name=name, values={"epochs": plan.epochs, "learning_rate": plan.learning_rate})


def _learn(
    context: TranslationContext,
    name: str,
    table: PieceTable,
    pairs: Sequence[tuple[str, str]],
    plan: TrainPlan,
    *,
    keys: Mapping[str, Any],
    make_model: Callable[[], Any],
    by: Learned | None = None,
) -> tuple[Stage, dict[str, Any]]:
    """Return the stage in which a model learned `pairs`, and how that went."""
    context.reporter.begin(name)

    def make(folder: Path, work: Path) -> None:
        began = time.monotonic()
        model = make_model()
        pad = model.config.pad_token_id
        rows = pair_rows(table, pairs, pad=pad)
        result = teach(
            model,
            rows,
            pair_rows(table, [(pair.source, pair.target) for pair in context.splits.dev], pad=pad),
            plan=plan.after(time.monotonic() - began),
            device=context.device,
            state_file=StateFile(work / "state.safetensors"),
            report=lambda progress: _tell(context, progress),
            loss=loss_of if by is None else piece_lesson(load_seq2seq(by.folder), rows, device=context.device),
        )
        save_seq2seq(model, folder)
        facts = {**asdict(result), "parameters": sum(value.numel() for value in model.parameters())}
        write_text(folder / "result.json", json.dumps(facts))

    stage = context.store.stage(name, keys, make)
    facts: dict[str, Any] = json.loads((stage.folder / "result.json").read_text(encoding="utf-8"))
    detail = f"dev {-facts['best_score']:.3f} nats a piece after {facts['steps']:,} steps"
    context.reporter.end(detail, reused=stage.reused)
    return stage, facts


def _tell(context: TranslationContext, progress: Progress) -> None:
    score = "" if progress.score is None else f", dev {-progress.score:.3f} nats a piece"
    context.reporter.advance(progress.step, progress.steps, f"loss {progress.loss:.3f}{score}")
