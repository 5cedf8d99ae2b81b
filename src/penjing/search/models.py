"""The trained models of a run: how each is trained, judged on dev and kept; and the first of them, the teacher."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from penjing.files import write_text
from penjing.measure.metrics import score
from penjing.records import Step
from penjing.search.context import Context
from penjing.shrink.structure import keep_pieces
from penjing.tasks.classify import decisions
from penjing.train.batches import Tokens
from penjing.train.checkpoint import load_encoder, load_pretrained, save_encoder
from penjing.train.distill import label_loss
from penjing.train.encoder import Encoder, Part
from penjing.train.loop import Loss, Parts, Progress, TrainResult, train, whole
from penjing.train.pace import TrainPlan
from penjing.train.predict import logits_of
from penjing.train.probe import probed
from penjing.train.state import StateFile

TEACHER_SHARE = 0.45  # of the training time; the students share the rest by their cost
_TEACHER_EPOCHS, _TEACHER_RATE = 3.0, 1e-4
TEXTS_A_STEP = 32  # where the recipe says nothing
_FEWEST_STEPS, _MOST_EPOCHS = 400, 20.0  # few examples are seen more often
_PROBED_FROM, _PROBED_RATE = 6.0, 3e-5  # passes from which on the head starts from a probe, and the rate after it


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
    score: float
    """The bar's metric on dev, of the weights that were kept."""
    predicted_p50_s: float | None = None
    """What the latency table says of it with int8 layers and int4 embeddings."""

    def load(self) -> Encoder:
        """Return the encoder."""
        return load_encoder(self.folder)


def train_teacher(context: Context) -> Trained:
    """Return the teacher: the pretrained model with a trimmed vocabulary, fine-tuned on the training split."""
    recipe, texts = context.task.recipe, len(context.tokens["train"])
    batch_size = recipe.batch_size or TEXTS_A_STEP
    epochs = recipe.epochs or teacher_epochs(texts, batch_size=batch_size)
    probe = epochs >= _PROBED_FROM and not context.model.has_classifier
    plan = TrainPlan(
        epochs=epochs,
        learning_rate=recipe.learning_rate or (_PROBED_RATE if probe else _TEACHER_RATE),
        batch_size=batch_size,
        seed=recipe.seed,
        time_limit_s=time_limit(context, TEACHER_SHARE),
    )

    def start() -> tuple[Encoder, Tokens, Loss]:
        full = load_pretrained(context.model.folder, labels=len(context.splits.labels), seed=recipe.seed)
        model = keep_pieces(full, context.vocabulary.kept.tolist())
        tokens, truth = context.tokens["train"], context.truth["train"]
        if probe:
            model = probed(model, tokens, truth, multi_label=context.splits.multi_label, device=context.device)
        return model, tokens, supervised(context, truth)

    begun = {"head": "probe"} if probe else {}
    step = Step(name="fine-tune", values={"epochs": plan.epochs, "learning_rate": plan.learning_rate, **begun})
    return trained_stage(context, "teacher", (step,), {"plan": asdict(plan), **begun}, plan, start)


def teacher_epochs(texts: int, *, batch_size: int) -> float:
    """Return how often a teacher sees each of `texts` examples: three times, or where they are few, more often.

    >>> teacher_epochs(10_000, batch_size=32), teacher_epochs(1_600, batch_size=32), teacher_epochs(100, batch_size=32)
    (3.0, 8.0, 20.0)
    """
    return min(_MOST_EPOCHS, max(_TEACHER_EPOCHS, float(round(_FEWEST_STEPS * batch_size / texts))))


def trained_stage(
    context: Context,
    name: str,
    recipe: tuple[Step, ...],
    inputs: Mapping[str, Any],
    plan: TrainPlan,
    start: Callable[[], tuple[Encoder, Tokens, Loss]],
    *,
    parts: Parts = whole,
    judged: tuple[Part | None, ...] = (None,),
    within: Callable[[Encoder], AbstractContextManager[object]] = nullcontext,
) -> Trained:
    """Return the model that `start` begins, trained inside `within`: made once, kept as a stage.

    The weights kept are those at which the mean score of the parts `judged` on dev is best.
    """
    context.reporter.begin(name)

    def make(folder: Path, work: Path) -> None:
        began = time.monotonic()
        model, tokens, loss = start()
        model.set_dropout(plan.dropout)
        with within(model):
            result = train(
                model,
                tokens=tokens,
                loss=loss,
                evaluate=lambda present: sum(dev_score(context, present, part) for part in judged) / len(judged),
                plan=plan.after(time.monotonic() - began),
                device=context.device,
                state_file=StateFile(work / "state.safetensors"),
                report=lambda progress: _tell(context, progress),
                parts=parts,
                judged_texts=len(judged) * len(context.tokens["dev"]),
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
    return Trained(
        name, recipe, stage.folder, stage.key, result["train_s"], text_s, result["parameters"], result["best_score"]
    )


def _result(result: TrainResult, model: Encoder) -> dict[str, Any]:
    return {**asdict(result), "parameters": model.parameter_count()}


def _tell(context: Context, progress: Progress) -> None:
    score_text = "" if progress.score is None else f", dev {progress.score:.4f}"
    context.reporter.advance(progress.step, progress.steps, f"loss {progress.loss:.3f}{score_text}")


def dev_score(context: Context, model: Encoder, part: Part | None = None) -> float:
    """Return the bar's metric on dev, of `part` or of the whole model."""
    logits = logits_of(model, context.tokens["dev"], device=context.device, part=part)
    predicted = decisions(logits, multi_label=context.splits.multi_label)
    return score(context.task.bar.metric, context.truth["dev"], predicted)


def supervised(context: Context, truth: Any) -> Loss:
    """Return the loss of fine-tuning on the labels `truth`."""
    return label_loss(torch.from_numpy(truth), multi_label=context.splits.multi_label)


def time_limit(context: Context, share: float) -> float | None:
    """Return this share of the training time in seconds, or None where it is not limited."""
    limit = context.task.budget.train_time
    return None if limit is None else limit * share
