"""A model that was trained, whatever it reads: made once, kept as a stage, with the weights that are best on dev."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from penjing.files import write_text
from penjing.records import Step
from penjing.search.judged import Judged
from penjing.search.stages import Stage
from penjing.train.batches import Examples, paired_batches
from penjing.train.device import Device
from penjing.train.loop import Loss, Progress, train
from penjing.train.pace import TrainPlan
from penjing.train.state import StateFile


@dataclass(frozen=True)
class TrainedModel:
    """Where a trained model is, how it was made, and how good it is."""

    name: str
    recipe: tuple[Step, ...]
    folder: Path
    key: str
    train_s: float
    parameters: int
    score: float
    """The bar's metric on dev, of the weights that were kept."""


@dataclass(frozen=True)
class Training:
    """How a model is trained: where it begins, what it learns from, how good it is, and how it is kept."""

    plan: TrainPlan
    start: Callable[[], tuple[Any, Loss]]
    lessons: Examples
    evaluate: Callable[[Any], float]
    save: Callable[[Any, Path], None]


def train_stage(
    context: Judged, name: str, training: Training, *, device: Device, stage: str, inputs: Mapping[str, Any]
) -> tuple[Stage, Mapping[str, Any]]:
    """Return the stage of a trained model, and how its training went: score, steps, seconds, parameters."""
    context.reporter.begin(name)

    def tell(progress: Progress) -> None:
        score_text = "" if progress.score is None else f", dev {progress.score:.4f}"
        context.reporter.advance(progress.step, progress.steps, f"loss {progress.loss:.3f}{score_text}")

    def make(folder: Path, work: Path) -> None:
        began = time.monotonic()
        model, loss = training.start()
        result = train(
            model,
            tokens=training.lessons,
            loss=loss,
            evaluate=training.evaluate,
            plan=training.plan.after(time.monotonic() - began),
            device=device,
            state_file=StateFile(work / "state.safetensors"),
            report=tell,
            batches=paired_batches,
            judged_texts=len(context.splits.dev),
        )
        training.save(model.cpu(), folder)
        write_text(folder / "result.json", json.dumps({**asdict(result), "parameters": model.parameter_count()}))

    metric = context.task.bar.metric
    found = context.store.stage(stage, {"metric": metric, **inputs}, make)
    result: Mapping[str, Any] = json.loads((found.folder / "result.json").read_text(encoding="utf-8"))
    told = f"dev {metric} {result['best_score']:.4f} after {result['steps']:,} steps"
    context.reporter.end(told, reused=found.reused)
    return found, result
