"""Time: training by work over speed, reading a prompt by work, writing by the bytes that each token reads.

Sources: Williams et al. 2009, "Roofline"; Chowdhery et al. 2022 (model FLOPs utilisation); Pope et al. 2022,
"Efficiently Scaling Transformer Inference".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from penjing.errors import DataError
from penjing.estimate.formats import file_bytes
from penjing.estimate.inference import kv_bytes
from penjing.estimate.memory import Fitting, activations, training_memory
from penjing.estimate.tensors import Model
from penjing.estimate.value import Basis, Estimate, ranged
from penjing.estimate.work import Tuning, forward, training
from penjing.records import DecodeTerms

Floats = NDArray[np.float64]

MFU = 0.40
"""The share of a device's peak that a long training reaches, where nothing was measured."""
_LEAST_SPREAD, _UNKNOWN_SPREAD = 0.05, 0.5
_PASSES = 4.0
"""How often activations are read or written between products of matrices, forwards and backwards."""
EFFICIENCY, LAYER_S = 0.75, 40e-6
"""Of writing: the share of the bandwidth, and a layer's seconds beside its bytes, where nothing was measured."""


def training_seconds(work: float, *, peak: float, devices: int = 1, mfu: float = MFU) -> Estimate:
    """Return how long `work` operations take on devices of `peak` operations a second each."""
    value = work / (peak * mfu * devices)
    return ranged(
        value, "s", "work / (peak x utilisation x devices)", spread=(0.75, 1.4), work=work, peak=peak, utilisation=mfu,
        devices=devices,
    )  # fmt: skip


def step_seconds(model: Model, fitting: Fitting, *, speed: float, bandwidth: float) -> Estimate:
    """Return the seconds of one step of training at `speed` operations and `bandwidth` bytes a second, both as reached.

    Products of matrices take work over speed; what lies between them, and the optimizer, moves bytes: the activations
    some times, and of each weight that learns its gradient, its value and the optimizer's numbers, read and written.
    """
    tuning: Tuning = "full" if fitting.lora_rank is None else "lora"
    sides = (fitting.tokens, fitting.tokens) if model.encoder_layers else (fitting.tokens, 0)
    work = fitting.batch * training(
        model, tokens=sides[0], target_tokens=sides[1], tuning=tuning, checkpointing=fitting.checkpointing
    )
    parts = training_memory(model, fitting)
    kept = activations(model, replace(fitting, checkpointing=False)).value + parts["logits"].value
    moved = _PASSES * kept + 2 * sum(parts[name].value for name in ("weights", "gradients", "optimizer"))
    return ranged(
        work / speed + moved / bandwidth, "s", "operations / speed + bytes moved / bandwidth", spread=(0.7, 1.3),
        operations=work, speed=speed, bytes=moved, bandwidth=bandwidth,
    )  # fmt: skip


@dataclass(frozen=True)
class DecodeLaw:
    """Seconds of one token: bytes read / effective bandwidth + layers x what each takes beside them."""

    bytes_per_s: float
    layer_s: float
    basis: Basis = "assumed"
    spread: tuple[float, float] = (0.7, 1.4)

    def token(self, *, read_bytes: float, layers: int) -> Estimate:
        """Return the seconds of one token."""
        value = read_bytes / self.bytes_per_s + layers * self.layer_s
        return ranged(
            value, "s", "bytes / effective bandwidth + layers x fixed time", spread=self.spread, basis=self.basis,
            bytes=read_bytes, bytes_per_s=self.bytes_per_s, layers=layers, layer_s=self.layer_s,
        )  # fmt: skip


def assumed_law(bandwidth: float) -> DecodeLaw:
    """Return the law of a device of which only the bandwidth is known, in bytes a second."""
    return DecodeLaw(EFFICIENCY * bandwidth, LAYER_S)


def calibrated_law(terms: DecodeTerms) -> DecodeLaw:
    """Return the law of a machine that was calibrated; its range is the error of models that were left out."""
    spread = _UNKNOWN_SPREAD if terms.error is None else max(_LEAST_SPREAD, terms.error)
    return DecodeLaw(terms.bytes_per_s, terms.layer_s, "calibrated", (1 - min(0.9, spread), 1 + spread))


def fitted_law(bytes_read: Sequence[float], layers: Sequence[int], token_s: Sequence[float]) -> DecodeLaw:
    """Return the law that fits measured tokens best, by the relative error; both terms are 0 or more.

    Raises:
        DataError: there are fewer than two measurements.
    """
    if len(token_s) < 2:
        raise DataError("too few measurements to fit two terms", value=str(len(token_s)), rule="two or more")
    measured = np.asarray(token_s, np.float64)
    columns = np.stack([np.asarray(bytes_read, np.float64), np.asarray(layers, np.float64)], axis=1) / measured[:, None]
    terms = _nonnegative(columns, np.ones(len(measured)))
    errors = np.abs(columns @ terms - 1)
    worst = max(_LEAST_SPREAD, float(errors.max()))
    return DecodeLaw(1 / max(terms[0], 1e-18), float(terms[1]), "calibrated", (1 - worst, 1 + worst))


def _nonnegative(columns: Floats, wanted: Floats) -> Floats:
    """Return the least-squares terms of two columns, neither below zero."""
    both: Floats = np.asarray(np.linalg.lstsq(columns, wanted, rcond=None)[0], np.float64)
    if (both >= 0).all():
        return both
    single = [np.zeros(2), np.zeros(2)]
    for place in (0, 1):
        column = columns[:, place]
        single[place][place] = max(0.0, float(column @ wanted / (column @ column)))
    return min(single, key=lambda terms: float(((columns @ terms - wanted) ** 2).sum()))


def read_bytes_per_token(model: Model, *, format_: str, context: int = 0, kv_bytes_each: float = 2.0) -> float:
    """Return the bytes that writing one token reads: active weights, one row of the embeddings, keys and values."""
    whole = file_bytes(model, format_)
    idle = sum(t.size for t in model.tensors if t.side == "encoder" or (t.role == "embed" and not model.tied))
    share = (model.active_parameters - idle) / model.parameters
    return whole * share + kv_bytes(model, tokens=context, bytes_each=kv_bytes_each)


def prefill_seconds(model: Model, *, tokens: int, peak: float, mfu: float = 0.45) -> Estimate:
    """Return how long reading a prompt takes."""
    work = forward(model, tokens=tokens)
    return ranged(
        work / (peak * mfu),
        "s",
        "work / (peak x utilisation)",
        spread=(0.6, 2.0),
        work=work,
        peak=peak,
        utilisation=mfu,
    )
