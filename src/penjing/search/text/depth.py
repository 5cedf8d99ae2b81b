"""The fine-tuned model with fewer blocks, healed: it learns again what the whole one makes of the training passages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from penjing.files import write_text
from penjing.gguf.file import Stored, open_gguf
from penjing.records import Step
from penjing.search.text.context import TextContext
from penjing.search.text.handover import MODEL_NAME
from penjing.search.text.teacher import Tuned, adapter_of, learn, text_plan, train_seconds
from penjing.shrink.block_influence import block_influences
from penjing.shrink.gguf_depth import drop_blocks
from penjing.train.causal import load_causal
from penjing.train.lora import divergence_from


def shallower(context: TextContext, tuned: Tuned, path: Path, key: str) -> Iterator[Tuned]:
    """Yield the fine-tuned model with as many blocks as each of recipe.layers says, the most first.

    The whole model in the file at `path`, whose stage is `key`, is what they learn from.
    """
    depths = sorted(set(context.task.recipe.layers), reverse=True)
    share = 0.5 / max(len(depths), 1)
    for depth in depths:
        yield _healed(context, tuned, path, key, depth, share=share)


def _healed(context: TextContext, tuned: Tuned, path: Path, key: str, depth: int, *, share: float) -> Tuned:
    context.reporter.begin(_in_words(depth))

    def make(folder: Path, _: Path) -> None:
        influences = block_influences(load_causal(path), context.some_windows(path), device=context.device)
        dropped = sorted(np.argsort(influences)[: len(influences) - depth].tolist())
        drop_blocks(open_gguf(tuned.file), folder / MODEL_NAME, dropped, tensors=_merged(tuned))
        write_text(folder / "dropped.json", json.dumps(dropped))

    shallow = context.store.stage("depth", {"tuned": tuned.key, "from": key, "blocks": depth, **context.base_key}, make)
    dropped: list[int] = json.loads((shallow.folder / "dropped.json").read_text(encoding="utf-8"))
    file = shallow.folder / MODEL_NAME
    plan = text_plan(context, share=share)
    stage = learn(
        context,
        "healed",
        file,
        plan,
        inputs={"depth": shallow.key},
        criterion=lambda: divergence_from(load_causal(path)),
    )
    steps = (
        Step(name="depth", values={"blocks": depth, "dropped": ", ".join(map(str, dropped))}),
        Step(name="distill", values={"epochs": plan.epochs, "learning_rate": plan.learning_rate}),
    )
    return Tuned(
        file, adapter_of(stage), stage.key, (*tuned.recipe, *steps), tuned.train_s + train_seconds(stage),
        _in_words(depth),
    )  # fmt: skip


def _in_words(depth: int) -> str:
    return f"{depth} block{'s' if depth > 1 else ''}"


def _merged(tuned: Tuned) -> Mapping[str, Stored]:
    """Return the fine-tuned layers in two bytes a weight."""
    file = open_gguf(tuned.file)
    return {layer.tensor: Stored(tuned.weights(file, layer.tensor).astype(np.float16), "F16") for layer in tuned.layers}
