"""Weights of the blocks in four bits: groups of inputs one after the other, each making up for what those before lost.

Weights alone are rounded; what they are multiplied with is not settled beforehand.
Source: Frantar et al. 2023, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers".
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from penjing.export.integers import pair_values, quantize_pairs, restore_pairs
from penjing.export.layers import Int4Weight
from penjing.shrink.compensation import inverse_factor, round_in_turn
from penjing.shrink.quantize import Model, int8_layers, watch_layers
from penjing.train.batches import Examples
from penjing.train.device import Device

INT4_GROUP = 32
"""Inputs that share a scale."""

Floats = NDArray[np.float32]


def int4_weights(model: Model, examples: Examples, *, device: Device) -> dict[str, Int4Weight]:
    """Return the weights of the linear layers in the blocks, by name, but of those whose inputs are no whole groups.

    Which errors show is judged on what `examples` make of the layers' inputs.
    """
    moments = _moments(model, examples, device=device)
    layers = int8_layers(model)
    return {
        name: _rounded(layers[name].weight.detach().cpu().float().numpy(), found)
        for name, found in moments.items()
        if layers[name].in_features % INT4_GROUP == 0
    }


def _moments(model: Model, examples: Examples, *, device: Device) -> dict[str, Floats]:
    """Return the sum of the products of each two inputs, (inputs, inputs), of each layer in the blocks."""
    sums: dict[str, Tensor] = {}

    def add(name: str, x: Tensor, _: Tensor) -> None:
        if name.startswith("blocks."):
            flat = x.reshape(-1, x.shape[-1])
            sums[name] = sums.get(name, torch.zeros(())) + flat.T @ flat

    watch_layers(model, examples, add, device=device)
    return {name: (found / len(examples.lengths)).cpu().numpy() for name, found in sums.items()}


def _rounded(weights: Floats, moments: Floats) -> Int4Weight:
    scales: list[NDArray[np.float16]] = []
    values: list[NDArray[np.int8]] = []

    def quantize(group: Floats, _: slice) -> NDArray[np.uint8]:
        pairs, own = quantize_pairs(group)
        scales.append(own)
        values.append(pair_values(pairs))
        return pairs

    round_in_turn(
        weights,
        inverse_factor(moments),
        group=INT4_GROUP,
        quantize=quantize,
        dequantize=lambda pairs: restore_pairs(pairs, scales[-1]),
    )
    return Int4Weight(np.concatenate(values, axis=1), np.concatenate(scales, axis=1))
