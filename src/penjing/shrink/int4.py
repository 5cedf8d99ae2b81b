"""Weights of the blocks in four bits: groups of inputs one after the other, each making up for what those before lost.

Weights alone are rounded; what they are multiplied with is not settled beforehand.
Source: Frantar et al. 2023, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers".
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from penjing.export.integers import INT4_GROUP, pair_values, quantize_pairs, restore_pairs
from penjing.export.layers import Int4Weight
from penjing.shrink.compensation import inverse_factor, round_in_turn
from penjing.shrink.quantize import Model, int8_layers, watch_layers
from penjing.train.batches import Examples
from penjing.train.device import Device

Floats = NDArray[np.float32]


def int4_weights(model: Model, examples: Examples, *, device: Device) -> dict[str, Int4Weight]:
    """Return the weights of the linear layers in the blocks, by name.

    Layers whose inputs are not a multiple of `INT4_GROUP` are left out. Which errors show is judged on what `examples`
    make of the layers' inputs.
    """
    layers = {
        name: layer
        for name, layer in int8_layers(model).items()
        if name.startswith("blocks.") and layer.in_features % INT4_GROUP == 0
    }
    moments = _moments(model, examples, wanted=layers.keys(), device=device)
    return {name: _rounded(layers[name].weight.detach().cpu().float().numpy(), moments[name]) for name in layers}


def _moments(model: Model, examples: Examples, *, wanted: Collection[str], device: Device) -> dict[str, Floats]:
    """Return the products of each two inputs of each layer, (inputs, inputs), summed, by the number of examples."""
    sums: dict[str, Tensor] = {}

    def add(name: str, x: Tensor, _: Tensor) -> None:
        if name in wanted:
            flat = x.reshape(-1, x.shape[-1])
            sums[name] = sums.get(name, torch.zeros(())) + flat.T @ flat

    watch_layers(model, examples, add, device=device)
    return {name: (found / len(examples.lengths)).cpu().numpy() for name, found in sums.items()}


def _rounded(weights: Floats, moments: Floats) -> Int4Weight:
    groups = round_in_turn(
        weights,
        inverse_factor(moments),
        group=INT4_GROUP,
        quantize=lambda group, _: quantize_pairs(group),
        dequantize=lambda stored: restore_pairs(*stored),
    )
    return Int4Weight(
        np.concatenate([pair_values(pairs) for pairs, _ in groups], axis=1),
        np.concatenate([scales for _, scales in groups], axis=1),
    )
