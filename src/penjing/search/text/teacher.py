"""The teacher: the model with fewer pieces, fine-tuned on the training passages by low-rank adaptation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.files import write_text
from penjing.gguf.file import GgufFile, open_gguf
from penjing.gguf.quantize import dequantize
from penjing.records import Step
from penjing.search.stages import Stage
from penjing.search.text.context import TextContext
from penjing.train.causal import load_causal, surprise
from penjing.train.gguf_layers import Layer, linear_layers
from penjing.train.loop import Progress
from penjing.train.lora import Adapter, Criterion, fine_tune, likelihood
from penjing.train.pace import TrainPlan
from penjing.train.state import StateFile

_EPOCHS, _RATE, _WINDOWS_A_STEP = 2.0, 3e-4, 8
_NAME = "adapter.safetensors"

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Tuned:
    """What fine-tuning gave: the file it started from, and what it adds to it."""

    file: Path
    adapter: Adapter
    key: str
    recipe: tuple[Step, ...]
    train_s: float
    blocks: str = ""
    """How many blocks it has, in words; nothing where it has all."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers that were fine-tuned."""
        return linear_layers(open_gguf(self.file))

    def weights(self, file: GgufFile, tensor: str) -> Floats:
        """Return a tensor of `file` in float32, with what fine-tuning adds to it."""
        stored = file.stored(tensor)
        found = dequantize(stored.data, stored.type_name)
        return found + self.adapter.added(tensor) if tensor in self.adapter.pairs else found


def train_text_teacher(context: TextContext) -> Tuned:
    """Return the model as it scored best on dev: trained once, kept as a stage."""
    recipe = context.task.recipe
    plan = text_plan(context, share=0.5 if recipe.layers else 1.0)
    context.reporter.begin("teacher")
    stage = learn(context, "teacher", context.trimmed, plan, inputs={}, criterion=lambda: likelihood)
    values = {"epochs": plan.epochs, "learning_rate": plan.learning_rate, "lora_rank": recipe.lora_rank}
    step = Step(name="fine-tune", values=values)
    return Tuned(context.trimmed, adapter_of(stage), stage.key, (step,), train_seconds(stage))


def text_plan(context: TextContext, *, share: float) -> TrainPlan:
    """Return how to train in a `share` of the time that all trainings may take."""
    recipe, limit_s = context.task.recipe, context.task.budget.train_time
    return TrainPlan(
        epochs=recipe.epochs or _EPOCHS,
        learning_rate=recipe.learning_rate or _RATE,
        batch_size=recipe.batch_size or _WINDOWS_A_STEP,
        weight_decay=0.0,
        dropout=0.0,
        seed=recipe.seed,
        time_limit_s=None if limit_s is None else share * limit_s,
    )


def learn(
    context: TextContext,
    name: str,
    path: Path,
    plan: TrainPlan,
    *,
    inputs: Mapping[str, Any],
    criterion: Callable[[], Criterion],
) -> Stage:
    """Return the stage `name`, in which the model in the file at `path` was fine-tuned; its step has begun."""

    def make(folder: Path, work: Path) -> None:
        began = time.monotonic()
        model = load_causal(path)
        learned, judged = (context.windows(path, split) for split in ("train", "dev"))
        wanted = criterion()
        spent_s = time.monotonic() - began
        limit_s = None if plan.time_limit_s is None else max(plan.time_limit_s - spent_s, plan.time_limit_s / 2)
        adapter, result = fine_tune(
            model,
            linear_layers(open_gguf(path)),
            learned,
            criterion=wanted,
            rank=context.task.recipe.lora_rank,
            plan=replace(plan, time_limit_s=limit_s),
            evaluate=lambda present: -surprise(present, judged, device=context.device).bits_per_byte,
            device=context.device,
            state_file=StateFile(work / "state.safetensors"),
            report=lambda progress: _tell(context, progress),
            judged=len(judged),
        )
        adapter.write(folder / _NAME)
        write_text(folder / "result.json", json.dumps(asdict(result)))

    keys: dict[str, Any] = {**context.base_key, "plan": asdict(plan), "rank": context.task.recipe.lora_rank, **inputs}
    stage = context.store.stage(name, keys, make)
    result = _result(stage)
    detail = f"dev {-result['best_score']:.4f} bits per byte after {result['steps']:,} steps"
    context.reporter.end(detail, reused=stage.reused)
    return stage


def adapter_of(stage: Stage) -> Adapter:
    """Return what a training of `learn` found."""
    return Adapter.read(stage.folder / _NAME)


def train_seconds(stage: Stage) -> float:
    """Return how long a training of `learn` took."""
    return float(_result(stage)["train_s"])


def _result(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((stage.folder / "result.json").read_text(encoding="utf-8"))
    return found


def _tell(context: TextContext, progress: Progress) -> None:
    score = "" if progress.score is None else f", dev {-progress.score:.4f} bits per byte"
    context.reporter.advance(progress.step, progress.steps, f"loss {progress.loss:.3f}{score}")
