"""Memory of training, part by part, each with its range.

Sources: Korthikanti et al. 2022, "Reducing Activation Recomputation in Large Transformer Models"; Rajbhandari et al.
2020, "ZeRO"; Hu et al. 2022 (LoRA); Dettmers et al. 2022, "8-bit Optimizers"; Shazeer and Stern 2018, "Adafactor".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from penjing.estimate.formats import file_bytes
from penjing.estimate.tensors import Model
from penjing.estimate.value import Estimate, exact, ranged, total

Optimizer = Literal["adamw", "adamw-8bit", "adafactor", "sgd-momentum"]
Precision = Literal["float32", "mixed", "bfloat16"]
_STATES: dict[Optimizer, float] = {"adamw": 2.0, "adamw-8bit": 0.5, "adafactor": 0.02, "sgd-momentum": 1.0}
"""Numbers of four bytes that an optimizer keeps of each weight."""
RUNTIME_BYTES = {"cuda": 1.34e9, "cpu": 0.5e9}
"""Of a training process without its model: HF's memory anatomy (1,343 MiB on a V100); torch and transformers on a CPU,
measured (docs/benchmarks.md)."""


@dataclass(frozen=True)
class Fitting:
    """How a model is trained."""

    batch: int
    tokens: int
    """Of an example, padding included."""
    precision: Precision = "mixed"
    optimizer: Optimizer = "adamw"
    lora_rank: int | None = None
    lora_roles: Sequence[str] = ("q", "v")
    base: str = "bfloat16"
    """With LoRA: the format of the frozen weights; nf4 is QLoRA."""
    checkpointing: bool = False
    fused_attention: bool = True
    devices: int = 1
    """Over which states, gradients and weights are split (ZeRO-3)."""
    runtime: Literal["cuda", "cpu"] = "cuda"


def lora_parameters(model: Model, *, rank: int, roles: Sequence[str] = ("q", "v")) -> int:
    """Return the weights that learn: rank x (inputs + outputs) of each matrix with these roles."""
    return sum(rank * sum(tensor.shape) * tensor.copies for tensor in model.tensors if tensor.role in roles)


def training_memory(model: Model, fitting: Fitting) -> dict[str, Estimate]:
    """Return the bytes that training takes, by what they hold, "all" being their sum."""
    learned = model.parameters
    parts: dict[str, Estimate] = {}
    if fitting.lora_rank is not None:
        learned = lora_parameters(model, rank=fitting.lora_rank, roles=fitting.lora_roles)
        frozen = file_bytes(model, fitting.base) / fitting.devices
        parts["frozen weights"] = exact(frozen, "bytes", f"weights in {fitting.base}")
    each = 2.0 if fitting.precision == "bfloat16" else 4.0
    share = 1 / fitting.devices
    parts["weights"] = exact(each * learned * share, "bytes", f"{each:g} a weight", weights=learned)
    parts["gradients"] = exact(each * learned * share, "bytes", f"{each:g} a weight", weights=learned)
    states = _STATES[fitting.optimizer] * each
    parts["optimizer"] = exact(states * learned * share, "bytes", f"{states:g} a weight", weights=learned)
    parts["activations"] = activations(model, fitting)
    parts["logits"] = _logits(model, fitting)
    fixed = RUNTIME_BYTES[fitting.runtime]
    parts["runtime"] = ranged(fixed, "bytes", "libraries and kernels", spread=(0.5, 1.3))
    return {**parts, "all": total(parts, "bytes")}


def activations(model: Model, fitting: Fitting) -> Estimate:
    """Return the bytes kept from the forward pass for the backward one.

    Of each token and layer: numbers of the width, and of the feed-forward part, that the matrices' inputs, the norms
    and the nonlinearity hand over; without fused attention the scores too. Twice as much where they are in four bytes.
    """
    tokens = fitting.batch * (model.sequence or fitting.tokens)
    layers = model.layers + model.encoder_layers
    size = 4.0 if fitting.precision == "float32" else 2.0
    gated = any(tensor.role == "gate" for tensor in model.tensors)
    ffn = max((t.shape[0] * max(1, t.active) for t in model.tensors if t.role == "up"), default=4 * model.width)
    kept = 11.0 * model.width + (4.0 if gated else 2.0) * ffn
    scores = 0.0 if fitting.fused_attention else 2.5 * model.heads * (model.sequence or fitting.tokens)
    whole = tokens * (kept + scores) * size
    if fitting.checkpointing:
        value = tokens * model.width * size * layers + whole
        formula = "tokens x width x layers + one layer"
    else:
        value, formula = whole * layers, "tokens x layers x (11 width + 2 to 4 feed-forward [+ scores])"
    if fitting.lora_rank is not None and not fitting.checkpointing:
        value *= 0.97  # inputs of frozen matrices are needed for what comes before them all the same, but for the first
    return ranged(value, "bytes", formula, spread=(0.85, 1.35), tokens=tokens, layers=layers)


def _logits(model: Model, fitting: Fitting) -> Estimate:
    """Return logits, their float32 copy and gradient, where a distribution over all pieces is learned."""
    if not model.causal:
        return exact(0.0, "bytes", "a few labels")
    tokens = fitting.batch * fitting.tokens
    value = tokens * model.vocabulary * (12.0 if fitting.precision == "float32" else 10.0)
    return ranged(value, "bytes", "tokens x vocabulary x 10", spread=(0.4, 1.2), tokens=tokens)
