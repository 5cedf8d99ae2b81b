"""A model of pixels that was trained: made once, kept as a stage, with the weights that are best on dev."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from penjing.files import write_text
from penjing.measure.metrics import score
from penjing.records import Step
from penjing.search.pixels.context import PixelContext
from penjing.search.trained import TrainedModel
from penjing.tasks.classify import decisions
from penjing.train.batches import paired_batches
from penjing.train.convnet import ConvNet
from penjing.train.convnet_checkpoint import CheckpointConvNet
from penjing.train.loop import Loss, Progress, train
from penjing.train.pace import TrainPlan
from penjing.train.sound import SoundTransformer
from penjing.train.sound_checkpoint import SAVED, load_sound
from penjing.train.state import StateFile
from penjing.train.vision import VisionTransformer
from penjing.train.vision_checkpoint import load_vision
from penjing.train.vision_lessons import picture_logits

TEACHER = "teacher"
_BATCH = 64  # examples a step, where the recipe says nothing
_MOST_EPOCHS = 40.0
_DECAY, _PATIENCE = 0.05, 12
_SHARES = {"convnet": 0.15, "teacher": 0.45, "students": 0.4}  # of a limited training time

Model = TypeVar("Model", VisionTransformer, SoundTransformer, ConvNet, CheckpointConvNet)


@dataclass(frozen=True)
class Trained(TrainedModel):
    """A trained model of pixels on disk."""

    def load(self) -> VisionTransformer | SoundTransformer:
        """Return the model."""
        return load_sound(self.folder) if (self.folder / SAVED).is_file() else load_vision(self.folder)


def trained(
    context: PixelContext,
    name: str,
    recipe: tuple[Step, ...],
    inputs: Mapping[str, Any],
    plan: TrainPlan,
    start: Callable[[], tuple[Model, Loss]],
    save: Callable[[Model, Path], None],
) -> Trained:
    """Return the model that `start` begins."""
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
    return Trained(name, recipe, stage.folder, stage.key, result["train_s"], result["parameters"], result["best_score"])


def dev_score(context: PixelContext, model: nn.Module) -> float:
    """Return the bar's metric on dev."""
    logits = picture_logits(model, context.pictures("dev"), device=context.device)
    return score(context.task.bar.metric, context.truth["dev"], decisions(logits, multi_label=False))


def plan_for(
    context: PixelContext, what: str, *, epochs: float, rate: float, fewest_steps: int, share: int = 1
) -> TrainPlan:
    """Return how long to train: few examples are seen more often, up to `fewest_steps` steps.

    `what` is "convnet", "teacher" or "students", of which `share` are trained; it says what part of a limited time it
    has, and whose passes the recipe may settle.
    """
    recipe, limit = context.task.recipe, context.task.budget.train_time
    batch_size, count = recipe.batch_size or _BATCH, len(context.splits.train)
    size = min(batch_size, max(8, count // 8))
    asked_for = recipe.epochs if what == "teacher" else recipe.student_epochs if what == "students" else None
    more = epochs if asked_for else min(_MOST_EPOCHS, max(epochs, fewest_steps * size / count))
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
