"""A model of pixels that was trained: made once, kept as a stage, with the weights that are best on dev."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from penjing.measure.metrics import score
from penjing.records import Step
from penjing.search.pixels.context import PixelContext
from penjing.search.trained import TrainedModel, Training, train_stage
from penjing.tasks.classify import decisions
from penjing.train.convnet import ConvNet
from penjing.train.convnet_checkpoint import CheckpointConvNet
from penjing.train.loop import Loss
from penjing.train.pace import TrainPlan
from penjing.train.sound import SoundTransformer
from penjing.train.sound_checkpoint import SAVED, load_sound
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
    lessons = context.lessons(epochs=plan.epochs)
    training = Training(plan, start, lessons, lambda present: dev_score(context, present), save)
    seen = {**context.base_key, "augment": lessons.augmentation, "mixup": lessons.mixup, **inputs}
    stage, found = train_stage(context, name, training, device=context.device, stage="vision", inputs=seen)
    return Trained(name, recipe, stage.folder, stage.key, found["train_s"], found["parameters"], found["best_score"])


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
