"""The models that a run begins with where the teacher is Whisper's encoder: it, and a convnet that it teaches."""

from __future__ import annotations

from dataclasses import asdict, replace

from penjing.records import Step
from penjing.search.image.teacher import convnet_plan, fresh_convnet
from penjing.search.pixels.context import PixelContext
from penjing.search.pixels.students import STUDENT_LABELS
from penjing.search.pixels.trained import TEACHER, Trained, plan_for, trained
from penjing.train.convnet import ConvNet, save_convnet
from penjing.train.distill import Distillation
from penjing.train.loop import Loss
from penjing.train.sound import SoundTransformer
from penjing.train.sound_checkpoint import load_pretrained_sound, save_sound
from penjing.train.sound_probe import PROBE, begin_with_probe
from penjing.train.vision_lessons import asked, picture_label_loss, taught_loss

TAUGHT_CONVNET = "convnet"
_EPOCHS, _RATE, _FEWEST_STEPS = 3.0, 2e-5, 100


def train_sound_teacher(context: PixelContext) -> Trained:
    """Return the checkpoint's encoder, fine-tuned to give labels."""
    recipe, model = context.task.recipe, context.model
    assert model is not None
    plan = plan_for(
        context,
        "teacher",
        epochs=recipe.epochs or _EPOCHS,
        rate=recipe.learning_rate or _RATE,
        fewest_steps=_FEWEST_STEPS,
    )

    def start() -> tuple[SoundTransformer, Loss]:
        moments, labels = context.framing.shape[1], len(context.splits.labels)
        found = load_pretrained_sound(model.folder, labels=labels, moments=moments, seed=context.seed)
        begin_with_probe(found, context.pictures("train"), seed=context.seed)
        return found, picture_label_loss

    step = Step(name="fine-tune", values={"epochs": plan.epochs, "learning_rate": plan.learning_rate})
    inputs = {"kind": "teacher", "plan": asdict(plan), "begins": PROBE}
    return trained(context, TEACHER, (step,), inputs, plan, start, save_sound)


def train_taught_convnet(context: PixelContext, teacher: Trained) -> Trained:
    """Return a new convnet that learns what the teacher says of the same sounds, and the labels."""
    plan = convnet_plan(context)

    def start() -> tuple[ConvNet, Loss]:
        told = asked(teacher.load(), device=context.device)
        return fresh_convnet(context), taught_loss(told, weights=Distillation(), labels=STUDENT_LABELS)

    inputs = {
        "kind": "taught convnet",
        "teacher": teacher.key,
        "plan": asdict(plan),
        "labels": STUDENT_LABELS,
        "weights": asdict(Distillation()),
    }
    steps = (*teacher.recipe, Step(name="convnet", values={"taught by": TEACHER}))
    found = trained(context, TAUGHT_CONVNET, steps, inputs, plan, start, save_convnet)
    return replace(found, train_s=found.train_s + teacher.train_s)
