"""The end of a polish, trained in the numbers of the quantized file: kept where it answers better in them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from penjing.export.layers import Embeddings, Precision
from penjing.files import write_text
from penjing.records import Step
from penjing.search.context import Context
from penjing.search.lessons import Lessons
from penjing.search.models import Trained, dev_score, trained_stage
from penjing.search.precision import Source, settled
from penjing.shrink.fake_quantize import fake_quantized
from penjing.train.batches import Tokens
from penjing.train.distill import Distillation, distillation_loss
from penjing.train.encoder import Encoder
from penjing.train.loop import Loss
from penjing.train.pace import TrainPlan

_STORED: Embeddings = "int4"  # embeddings: the coarsest that a candidate has


def quantization_aware(
    context: Context, polished: Trained, lessons: Lessons, *, plan: TrainPlan, loss: Distillation
) -> Trained:
    """Return `polished`, trained further with weights and activations rounded; itself where that is no better.

    Both are judged on dev as they answer in int8 with int4 embeddings. The seconds of both are counted.
    """
    source = Source(
        polished.name, polished.recipe, polished.load(), context.vocabulary.tokenizer, polished.key, polished.train_s
    )
    precision = replace(settled(context, source).precision, embeddings=_STORED)
    inputs = {
        "polished": polished.key,
        "lessons": lessons.key,
        "precision": asdict(precision),
        "plan": asdict(plan),
        "loss": asdict(loss),
    }

    def start() -> tuple[Encoder, Tokens, Loss]:
        multi_label = context.splits.multi_label
        return polished.load(), lessons.tokens, distillation_loss(lessons.said, weights=loss, multi_label=multi_label)

    trained = trained_stage(
        context,
        f"{polished.name}, rounded",
        (*polished.recipe, Step(name="quantization-aware")),
        inputs,
        plan,
        start,
        within=lambda model: fake_quantized(model, precision),
    )
    kept = trained if trained.score > _rounded_score(context, polished, precision) else polished
    return replace(kept, name=polished.name, train_s=polished.train_s + trained.train_s)


def _rounded_score(context: Context, polished: Trained, precision: Precision) -> float:
    """Return the score on dev that `polished` has in this precision."""

    def make(folder: Path, _: Path) -> None:
        model = polished.load()
        with fake_quantized(model, precision):
            write_text(folder / "score.json", json.dumps(dev_score(context, model)))

    inputs = {"trained": polished.key, "precision": asdict(precision), "metric": context.task.bar.metric}
    stage = context.store.stage("rounded-score", inputs, make)
    return float(json.loads((stage.folder / "score.json").read_text(encoding="utf-8")))
