"""Tensors in fewer bits: groups of columns in turn where the layer's inputs are known, to the nearest elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from penjing.gguf.file import Stored
from penjing.gguf.quantize import dequantize, group_size, quantize
from penjing.search.text.context import TextContext
from penjing.search.text.teacher import Tuned
from penjing.shrink.compensation import inverse_factor, round_in_turn
from penjing.shrink.input_moments import input_moments
from penjing.train.causal import load_causal

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Inputs:
    """What is known of a layer's inputs: their second moments, and the factor by which errors are carried on."""

    moments: Floats
    factor: Floats


def layer_inputs(context: TextContext, tuned: Tuned, path: Path) -> Mapping[str, Inputs]:
    """Return, by tensor, the inputs of each layer of the fine-tuned model in the file at `path`, on training texts."""
    modules = [layer.module for layer in tuned.layers]
    found = input_moments(load_causal(path), modules, context.some_windows(path), device=context.device)
    distinct = {id(moments): moments for moments in found.values()}  # layers that read the same share them
    with ThreadPoolExecutor(context.task.budget.threads) as pool:
        factors = dict(zip(distinct, pool.map(inverse_factor, distinct.values()), strict=True))
    return {layer.tensor: Inputs(found[layer.module], factors[id(found[layer.module])]) for layer in tuned.layers}


def rounded_tensor(weights: Floats, type_name: str, importance: Floats, inputs: Inputs | None) -> Stored:
    """Return `weights` (rows, columns) in the type; where `inputs` are not known each weight is rounded for itself.

    Embeddings that are the last layer too are such: as rows that are looked up, they must stay near what they were.
    """
    if inputs is None:
        return Stored(quantize(weights, type_name, importance=importance), type_name)
    data = round_in_turn(
        weights,
        inputs.factor,
        group=group_size(type_name),
        quantize=lambda values, columns: quantize(values, type_name, importance=importance[columns]),
        dequantize=lambda stored: dequantize(stored, type_name),
    )
    return Stored(data, type_name)
