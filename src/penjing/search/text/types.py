"""What each tensor would cost in each type, from the curvature of the fine-tuned model on training passages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from penjing.files import write_text
from penjing.gguf.file import GgufFile, open_gguf
from penjing.gguf.quantize import bits_per_weight, dequantize, fits, quantize
from penjing.records import Step
from penjing.search.text.context import SOME_WINDOWS, TextContext
from penjing.search.text.teacher import Tuned
from penjing.shrink.gguf_types import TYPES, Option
from penjing.shrink.rounding_cost import Curvature, curvatures
from penjing.train.causal import load_causal
from penjing.train.gguf_layers import EMBEDDINGS, HEAD, Layer

_ROWS = 512  # of a tensor, on which the cost of a type is taken

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Costs:
    """What each tensor could be, the weights it has, and the mean square of each of its inputs."""

    options: Mapping[str, Sequence[Option]]
    weights: Mapping[str, int]
    columns: Mapping[str, Floats]
    key: str


def type_step(counts: Mapping[str, int]) -> Step:
    """Return the recipe step: how many tensors have which type."""
    return Step(name="types", values=dict(sorted(counts.items())))


def rounding_costs(context: TextContext, tuned: Tuned, path: Path, key: str) -> Costs:
    """Return the costs, on the fine-tuned model in the file at `path`, whose stage is `key`."""
    context.reporter.begin(f"cost of rounding{tuned.blocks and f', {tuned.blocks}'}")

    def make(folder: Path, _: Path) -> None:
        file = open_gguf(path)
        layers = [*tuned.layers, *_tied_head(file)]
        windows = context.some_windows(path)
        found = curvatures(
            load_causal(path),
            [layer.module for layer in layers],
            windows,
            device=context.device,
            progress=context.reporter.advance,
        )
        trimmed = open_gguf(tuned.file)
        with ThreadPoolExecutor(context.task.budget.threads) as pool:
            tables = pool.map(lambda layer: _options(trimmed, layer, tuned, found[layer.module]), layers)
            named = zip([layer.tensor for layer in layers], tables, strict=True)
            rows = {tensor: [asdict(option) for option in table] for tensor, table in named}
        save_file({layer.tensor: found[layer.module].inputs for layer in layers}, folder / "columns.safetensors")
        write_text(folder / "costs.json", json.dumps(rows))

    keys = {"tuned": key, "types": TYPES, "windows": SOME_WINDOWS, "rows": _ROWS, **context.base_key}
    stage = context.store.stage("costs", keys, make)
    rows = json.loads((stage.folder / "costs.json").read_text(encoding="utf-8"))
    context.reporter.end(f"{len(rows)} tensors in {len(TYPES)} types", reused=stage.reused)
    file = open_gguf(tuned.file)
    return Costs(
        options={tensor: [Option(**row) for row in table] for tensor, table in rows.items()},
        weights={tensor: int(file.tensors[tensor].n_elements) for tensor in rows},
        columns=load_file(stage.folder / "columns.safetensors"),
        key=stage.key,
    )


def _tied_head(file: GgufFile) -> list[Layer]:
    """Return the embeddings as the last layer, where they are that too."""
    return [] if "output.weight" in file.tensors else [Layer(HEAD, EMBEDDINGS, None)]


def _options(file: GgufFile, layer: Layer, tuned: Tuned, curvature: Curvature) -> list[Option]:
    """Return what `layer` could be; the embeddings could stay as they are, at no cost."""
    weights = tuned.weights(file, layer.tensor)
    rows = np.unique(np.linspace(0, len(weights) - 1, _ROWS).round().astype(np.int64))
    some, share = weights[rows], len(weights) / len(rows)
    on_rows = Curvature(curvature.inputs, layer.to_file(curvature.outputs)[rows])
    found = []
    for name in TYPES:
        if fits(name, weights.shape[1]):
            rounded = dequantize(quantize(some, name, importance=curvature.inputs), name)
            size = int(weights.size * bits_per_weight(name) / 8)
            found.append(Option(name, size, share * on_rows.cost(rounded - some)))
    if layer.tensor == EMBEDDINGS:
        stored = file.stored(layer.tensor)
        found = [option for option in found if option.size_bytes < stored.data.nbytes]
        found.append(Option(stored.type_name, stored.data.nbytes, 0.0))
    return found
