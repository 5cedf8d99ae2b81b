"""A model that rounds as its quantized file will, so that training can get used to it.

Weights and activations are rounded on the way forward; gradients pass as if they were not.

Sources: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference" (simulated quantization); Bengio et al. 2013 (the straight-through estimator).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from penjing.export.integers import LARGEST_WEIGHT, quantize_pairs, quantize_rows, restore_pairs, restore_rows
from penjing.export.layers import ActivationRange, Embeddings, Precision
from penjing.shrink.quantize import int8_layers
from penjing.train.encoder import Encoder


@contextmanager
def fake_quantized(model: Encoder, precision: Precision) -> Iterator[None]:
    """Let `model` answer as its file in `precision` does, to rounding errors of float32, and still learn.

    Source: as for the module. Afterwards it has its own weights back, as training left them.
    """
    with ExitStack() as stack:
        for name, layer in int8_layers(model).items():
            if name in precision.linear:
                stack.enter_context(_rounded_weight(layer, _RoundedRows(LARGEST_WEIGHT)))
                stack.enter_context(_hook(layer.register_forward_pre_hook(_rounds_input(precision.linear[name]))))
        if precision.embeddings != "float32":
            stack.enter_context(_rounded_weight(model.positions, _RoundedColumns()))
            stack.enter_context(_hook(model.words.register_forward_hook(_WORDS[precision.embeddings])))
        yield


def straight_through(x: Tensor, rounded: Tensor) -> Tensor:
    """Return `rounded`, with the gradient of `x`."""
    return x + (rounded - x).detach()


class _RoundedRows(nn.Module):
    def __init__(self, largest: int) -> None:
        super().__init__()
        self.largest = largest

    def forward(self, weight: Tensor) -> Tensor:
        scales = (weight.detach().abs().amax(1, keepdim=True) / self.largest).clamp(min=1e-12)
        return straight_through(weight, (weight / scales).round() * scales)


class _RoundedColumns(_RoundedRows):
    def __init__(self) -> None:
        super().__init__(127)

    def forward(self, weight: Tensor) -> Tensor:
        return super().forward(weight.T).T


def _rounds_input(found: ActivationRange) -> Callable[[nn.Module, tuple[Any, ...]], Tensor]:
    low, high = -found.zero_point * found.scale, (255 - found.zero_point) * found.scale

    def hook(_: nn.Module, inputs: tuple[Any, ...]) -> Tensor:
        x = inputs[0].clamp(low, high)
        return straight_through(x, (x / found.scale).round() * found.scale)

    return hook


def _int8_rows(_: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    rows = output.detach().flatten(0, 1).cpu().numpy()
    return straight_through(output, _as(output, restore_rows(*quantize_rows(rows))))


def _int4_rows(_: nn.Module, inputs: Any, output: Tensor) -> Tensor:
    rows = output.detach().flatten(0, 1).cpu().numpy()
    return straight_through(output, _as(output, restore_pairs(*quantize_pairs(rows))))


_WORDS: Mapping[Embeddings, Callable[[nn.Module, Any, Tensor], Tensor]] = {"int8": _int8_rows, "int4": _int4_rows}


def _as(output: Tensor, rows: Any) -> Tensor:
    return torch.from_numpy(rows).to(output.device).view_as(output)


@contextmanager
def _rounded_weight(layer: nn.Module, rounding: nn.Module) -> Iterator[None]:
    parametrize.register_parametrization(layer, "weight", rounding)
    try:
        yield
    finally:
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)


@contextmanager
def _hook(handle: Any) -> Iterator[None]:
    try:
        yield
    finally:
        handle.remove()
