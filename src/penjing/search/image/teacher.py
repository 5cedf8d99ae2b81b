"""The models that a run begins with where they are Vision Transformers: the convnet that teaches, and the teacher."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from penjing.records import Step
from penjing.search.pixels.context import NEW, NO_CONVNET, PixelContext
from penjing.search.pixels.trained import TEACHER, Trained, plan_for, trained
from penjing.shape import VisionSize
from penjing.train.convnet import ConvNet, load_convnet, new_convnet, save_convnet
from penjing.train.convnet_checkpoint import (
    CheckpointConvNet,
    load_checkpoint_convnet,
    read_checkpoint_convnet,
    save_checkpoint_convnet,
)
from penjing.train.loop import Loss
from penjing.train.pace import TrainPlan
from penjing.train.references import PretrainedModel, resolve_picture_model
from penjing.train.vision import VisionShape, VisionTransformer, new_vision_transformer
from penjing.train.vision_checkpoint import load_pretrained_vision, save_vision, tokens_of
from penjing.train.vision_lessons import asked, deit_loss, picture_label_loss

_HEAD_SIZE = 32
_NEW_EPOCHS, _TUNED_EPOCHS, _CONVNET_EPOCHS = 8.0, 3.0, 6.0
_NEW_RATE, _TUNED_RATE, _CONVNET_RATE = 1.5e-3, 5e-5, 3e-3
_TUNED_CONVNET_RATE = 2e-4
FEWEST_STEPS = 1_500


def train_convnet(context: PixelContext) -> Trained | None:
    """Return the convnet that teaches the second token; None where the recipe wants none."""
    wanted = context.convnet
    if wanted == NO_CONVNET:
        return None
    if wanted != NEW:
        return _tuned_convnet(context, resolve_picture_model(wanted))
    plan = convnet_plan(context)
    inputs = {"kind": "convnet", "plan": asdict(plan)}
    return trained(
        context, "convnet", (), inputs, plan, lambda: (fresh_convnet(context), picture_label_loss), save_convnet
    )


def convnet_plan(context: PixelContext) -> TrainPlan:
    """Return how long a new convnet learns."""
    return plan_for(context, "convnet", epochs=_CONVNET_EPOCHS, rate=_CONVNET_RATE, fewest_steps=FEWEST_STEPS)


def fresh_convnet(context: PixelContext) -> ConvNet:
    """Return a convnet for the pixels of this run that knows nothing yet."""
    mean, deviation = context.scaling
    sizes = {"labels": len(context.splits.labels), "image": max(context.framing.shape[:2])}
    return new_convnet(**sizes, mean=mean, deviation=deviation, seed=context.seed)


def _tuned_convnet(context: PixelContext, model: PretrainedModel) -> Trained:
    """Return the convnet of a checkpoint, fine-tuned."""
    plan = plan_for(context, "convnet", epochs=_TUNED_EPOCHS, rate=_TUNED_CONVNET_RATE, fewest_steps=FEWEST_STEPS)

    def start() -> tuple[CheckpointConvNet, Loss]:
        found = load_checkpoint_convnet(model.folder, labels=len(context.splits.labels), seed=context.seed)
        return found, picture_label_loss

    inputs = {"kind": "convnet", "checkpoint": model.key, "plan": asdict(plan)}
    return trained(context, "convnet", (), inputs, plan, start, save_checkpoint_convnet)


def read_convnet(folder: Path) -> ConvNet | CheckpointConvNet:
    """Return a trained convnet, whichever kind it is."""
    return read_checkpoint_convnet(folder) if (folder / "config.json").is_file() else load_convnet(folder)


def train_teacher(context: PixelContext, convnet: Trained | None) -> Trained:
    """Return the teacher: a Vision Transformer, whose second token learns what `convnet` says."""
    recipe, model = context.task.recipe, context.model
    epochs, rate = (_NEW_EPOCHS, _NEW_RATE) if model is None else (_TUNED_EPOCHS, _TUNED_RATE)
    plan = plan_for(
        context,
        "teacher",
        epochs=recipe.epochs or epochs,
        rate=recipe.learning_rate or rate,
        fewest_steps=FEWEST_STEPS,
    )

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
    found = trained(context, TEACHER, (step,), inputs, plan, start, save_vision)
    return replace(found, train_s=found.train_s + (convnet.train_s if convnet else 0.0))


def vision_shape(size: VisionSize, context: PixelContext, *, tokens: int) -> VisionShape:
    """Return the shape of a new model for the pixels of this run, which are as high as they are wide."""
    image, (mean, deviation) = context.side, context.scaling
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


def _taught(convnet: Trained | None) -> Mapping[str, Any]:
    return {} if convnet is None else {"convnet": round(convnet.score, 4)}
