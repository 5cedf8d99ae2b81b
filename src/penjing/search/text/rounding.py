"""Tensors in fewer bits: groups of columns in turn where the layer's inputs are known, to the nearest elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from penjing.gguf.file import Stored
from penjing.gguf.quantize import dequantize, group_size, quantize
from penjing.search.text.context import TextContext
from penjing.search.text.teacher import Tuned
from penjing.shrink.compensation import round_in_turn
from penjing.shrink.input_moments import input_moments
from penjing.train.causal import load_causal

Floats = NDArray[np.float32]


Moments = Mapping[str, Floats]
"""By tensor: the mean product of each two inputs of its layer."""


def layer_moments(context: TextContext, tuned: Tuned, path: Path) -> Moments:
    """Return the moments of each layer of the fine-tuned model in the file at `path`, on training texts."""
    modules = [layer.module for layer in tuned.layers]
    found = input_moments(load_causal(path), modules, context.some_windows(path), device=context.device)
    return {layer.tensor: found[layer.module] for layer in tuned.layers}


def rounded_tensor(weights: Floats, type_name: str, importance: Floats, factor: Floats | None) -> Stored:
    """Return `weights` (rows, columns) in the type; without a `factor` each weight is rounded for itself.

    Embeddings that are the last layer too are such: as rows that are looked up, they must stay near what they were.
    """
    if factor is None:
        return Stored(quantize(weights, type_name, importance=importance), type_name)
    groups = round_in_turn(
        weights,
        factor,
        group=group_size(type_name),
        quantize=lambda values, columns: quantize(values, type_name, importance=importance[columns]),
        dequantize=lambda stored: dequantize(stored, type_name),
    )
    return Stored(np.concatenate(groups, axis=1), type_name)
