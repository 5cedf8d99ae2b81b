"""Int8 with static scales: calibrated on training texts, the layers that cannot bear it reverted to float32.

Weights are symmetric int8 with one scale an output channel, activations uint8 with one scale a tensor that
never changes with the input, so that an answer does not depend on the other texts of its batch.

Sources: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference" (the arithmetic); clipping by least squared error as in Banner et al. 2019; the greedy revert follows
the idea of NNCF's accuracy control, its order is that of the layers' own errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from penjing.export.integers import LARGEST_WEIGHT, quantize_rows, restore_rows
from penjing.export.layers import ActivationRange, Precision
from penjing.train.batches import Examples, sorted_batches
from penjing.train.device import Device
from penjing.train.encoder import Encoder
from penjing.train.fused import FusedModel
from penjing.train.sound import SoundTransformer
from penjing.train.vision import VisionTransformer

Model = Encoder | VisionTransformer | SoundTransformer | FusedModel
_QUANTIZED = {"blocks", "widen", "patches", "stem"}
_SAMPLE = 100_000  # activations kept a layer
_CLIP_RATIOS = np.linspace(0.3, 1.0, 15)


@dataclass(frozen=True)
class Quantized:
    """The precision that was settled on, and what was reverted to float32 to get there."""

    precision: Precision
    reverted: tuple[str, ...]
    divergence: float
    """What `measure` said of it."""


def int8_layers(model: Model) -> dict[str, nn.Linear]:
    """Return the linear layers that int8 is for, by name: all in the blocks, and what makes or widens embeddings."""
    linears = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    return {name: layer for name, layer in linears.items() if name.split(".")[0] in _QUANTIZED}


def calibrate(model: Model, tokens: Examples, *, device: Device) -> dict[str, ActivationRange]:
    """Return the input range of every linear layer that int8 is for, from real activations (padding left out)."""
    samples: dict[str, list[NDArray[np.float32]]] = {name: [] for name in int8_layers(model)}

    def keep(name: str, x: Tensor, _: Tensor) -> None:
        samples[name].append(x.cpu().numpy().ravel())

    watch_layers(model, tokens, keep, device=device)
    return {name: activation_range(np.concatenate(parts)) for name, parts in samples.items()}


def watch_layers(
    model: Model, tokens: Examples, tell: Callable[[str, Tensor, Tensor], None], *, device: Device
) -> None:
    """Let `model` answer the examples; `tell` hears each layer's name, input and output, without padding."""
    mask: Any = None

    def hook_of(name: str) -> Callable[[nn.Module, tuple[Any, ...], Tensor], None]:
        def hook(_: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
            tell(name, inputs[0][mask].float(), output[mask].float())

        return hook

    hooks = [layer.register_forward_hook(hook_of(name)) for name, layer in int8_layers(model).items()]
    model.to(device.name).eval()
    try:
        with torch.inference_mode():
            for indices in sorted_batches(tokens.lengths, size=32):
                first, second = (tensor.to(device.name) for tensor in tokens.batch(indices))
                mask = second.bool() if isinstance(model, Encoder) else slice(None)
                model(first, second)
    finally:
        for handle in hooks:
            handle.remove()


def activation_range(values: NDArray[np.float32]) -> ActivationRange:
    """Return the uint8 range with the least squared error on `values`; zero is always exact.

    >>> activation_range(np.array([0.0, 1.0, 255.0], np.float32))
    ActivationRange(scale=1.0, zero_point=0)
    """
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    sample = _sample(values).astype(np.float64)
    ranges = [_range(low * ratio, high * ratio) for ratio in _CLIP_RATIOS]
    return min(ranges, key=lambda found: _squared_error(sample, found))


def _sample(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values drawn at random: in steps, they would all come from a few channels."""
    if len(values) <= _SAMPLE:
        return values
    return values[np.random.default_rng(0).integers(0, len(values), _SAMPLE)]


def _range(low: float, high: float) -> ActivationRange:
    scale = max((high - low) / 255, 1e-8)
    return ActivationRange(scale=round(float(scale), 10), zero_point=int(np.clip(round(-low / scale), 0, 255)))


def _squared_error(values: NDArray[np.float64], found: ActivationRange) -> float:
    stored = np.clip(np.rint(values / found.scale) + found.zero_point, 0, 255)
    return float(np.square((stored - found.zero_point) * found.scale - values).sum())


def output_errors(
    model: Model, tokens: Examples, ranges: Mapping[str, ActivationRange], *, device: Device
) -> dict[str, float]:
    """Return how far int8 moves the output of each layer alone: squared error over squared output, without padding."""
    errors, totals = dict.fromkeys(ranges, 0.0), dict.fromkeys(ranges, 0.0)
    layers = int8_layers(model)
    weights = {name: _stored_weight(layers[name]).to(device.name) for name in ranges}

    def compare(name: str, x: Tensor, output: Tensor) -> None:
        if name not in ranges:
            return
        bias = layers[name].bias
        exact = output if bias is None else output - bias.detach()
        errors[name] += float((_rounded(x, ranges[name]) @ weights[name].T - exact).square().sum())
        totals[name] += float(exact.square().sum())

    watch_layers(model, tokens, compare, device=device)
    return {name: errors[name] / max(totals[name], 1e-12) for name in ranges}


def _stored_weight(layer: nn.Linear) -> Tensor:
    """Return the weight as int8 stores it."""
    stored = quantize_rows(layer.weight.detach().cpu().numpy(), largest=LARGEST_WEIGHT)
    return torch.from_numpy(restore_rows(*stored))


def _rounded(x: Tensor, found: ActivationRange) -> Tensor:
    stored = (x / found.scale).round().add(found.zero_point).clamp(0, 255)
    return (stored - found.zero_point) * found.scale


def quantize(
    ranges: Mapping[str, ActivationRange],
    *,
    measure: Callable[[Precision], float],
    errors: Callable[[], Mapping[str, float]],
    tolerance: float,
    most_reverted: int = 6,
) -> Quantized:
    """Return the precision with as many int8 layers as `tolerance` on the divergence of the answers allows.

    `measure` returns the divergence from the float32 answers. Where it is above `tolerance`, layers go back to
    float32, those with the largest of `errors()` first, if that helps; `most_reverted` layers are tried at the most.
    """
    linear, reverted = dict(ranges), list[str]()
    precision = Precision(linear=linear)
    divergence = measure(precision)
    if divergence <= tolerance:
        return Quantized(precision, (), divergence)
    error_of = errors()
    for name in sorted(error_of, key=lambda name: -error_of[name])[:most_reverted]:
        trial = _without(precision, name)
        found = measure(trial)
        if found < divergence:
            precision, divergence = trial, found
            reverted.append(name)
        if divergence <= tolerance:
            break
    return Quantized(precision, tuple(reverted), divergence)


def _without(precision: Precision, name: str) -> Precision:
    others = {other: found for other, found in precision.linear.items() if other != name}
    return replace(precision, linear=others)
