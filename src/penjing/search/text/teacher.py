"""The teacher: the model with fewer pieces, fine-tuned on the training passages by low-rank adaptation."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.files import write_text
from penjing.gguf.file import GgufFile
from penjing.gguf.quantize import dequantize
from penjing.records import Step
from penjing.search.text.context import TextContext
from penjing.train.causal import load_causal, surprise
from penjing.train.loop import Progress
from penjing.train.lora import Adapter, fine_tune
from penjing.train.pace import TrainPlan
from penjing.train.state import StateFile

_EPOCHS, _RATE, _WINDOWS_A_STEP = 2.0, 3e-4, 8
_NAME = "adapter.safetensors"

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Tuned:
    """What fine-tuning gave."""

    adapter: Adapter
    key: str
    recipe: tuple[Step, ...]
    train_s: float

    def weights(self, file: GgufFile, tensor: str) -> Floats:
        """Return a tensor of `file` in float32, with what fine-tuning adds to it."""
        stored = file.stored(tensor)
        found = dequantize(stored.data, stored.type_name)
        return found + self.adapter.added(tensor) if tensor in self.adapter.pairs else found


def train_text_teacher(context: TextContext) -> Tuned:
    """Return the adapter that scored best on dev: trained once, kept as a stage."""
    recipe = context.task.recipe
    plan = TrainPlan(
        epochs=recipe.epochs or _EPOCHS,
        learning_rate=recipe.learning_rate or _RATE,
        batch_size=recipe.batch_size or _WINDOWS_A_STEP,
        weight_decay=0.0,
        seed=recipe.seed,
        time_limit_s=context.task.budget.train_time,
    )
    context.reporter.begin("teacher")

    def make(folder: Path, work: Path) -> None:
        began = time.monotonic()
        model = load_causal(context.trimmed)
        learned, judged = (context.windows(context.trimmed, split) for split in ("train", "dev"))
        spent_s = time.monotonic() - began
        limit_s = None if plan.time_limit_s is None else max(plan.time_limit_s - spent_s, plan.time_limit_s / 2)
        adapter, result = fine_tune(
            model,
            context.layers,
            learned,
            rank=recipe.lora_rank,
            plan=replace(plan, time_limit_s=limit_s),
            evaluate=lambda present: -surprise(present, judged, device=context.device).bits_per_byte,
            device=context.device,
            state_file=StateFile(work / "state.safetensors"),
            report=lambda progress: _tell(context, progress),
            judged=len(judged),
        )
        adapter.write(folder / _NAME)
        write_text(folder / "result.json", json.dumps(asdict(result)))

    inputs: dict[str, Any] = {**context.base_key, "plan": asdict(plan), "rank": recipe.lora_rank}
    stage = context.store.stage("teacher", inputs, make)
    result = json.loads((stage.folder / "result.json").read_text(encoding="utf-8"))
    detail = f"dev {-result['best_score']:.4f} bits per byte after {result['steps']:,} steps"
    context.reporter.end(detail, reused=stage.reused)
    values = {"epochs": plan.epochs, "learning_rate": plan.learning_rate, "lora_rank": recipe.lora_rank}
    step = Step(name="fine-tune", values=values)
    return Tuned(Adapter.read(stage.folder / _NAME), stage.key, (step,), result["train_s"])


def _tell(context: TextContext, progress: Progress) -> None:
    score = "" if progress.score is None else f", dev {-progress.score:.4f} bits per byte"
    context.reporter.advance(progress.step, progress.steps, f"loss {progress.loss:.3f}{score}")
