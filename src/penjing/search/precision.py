"""Which layers of a model are int8, and with what scales: settled once for every bundle that is made of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import nn

from penjing.export.layers import ActivationRange, Precision
from penjing.export.onnx import encoder_to_onnx
from penjing.export.parity import onnx_logits
from penjing.files import write_text
from penjing.records import Step
from penjing.search.context import Context
from penjing.shrink.quantize import Quantized, calibrate, int8_layers, output_errors, quantize
from penjing.train.batches import Tokens, tokenize
from penjing.train.encoder import Encoder

_CALIBRATION_TEXTS, _COMPARED_TEXTS = 128, 48
_DIVERGENCE_TOLERANCE = 0.005  # mean KL from the float32 answers, in nats, above which layers are reverted


@dataclass(frozen=True)
class Source:
    """An encoder with the tokenizer that goes with it."""

    name: str
    recipe: tuple[Step, ...]
    model: Encoder
    tokenizer: Path
    key: str
    train_s: float


def settled(context: Context, source: Source) -> Quantized:
    """Return which layers are int8, and with what scales: settled once for all that is made of `source`."""

    def make(folder: Path, _: Path) -> None:
        tokens = calibration_tokens(context, source)
        ranges = calibrate(source.model, tokens, device=context.device)
        found = quantize(
            ranges,
            measure=divergence(context, source)[0],
            errors=lambda: output_errors(source.model, tokens, ranges, device=context.device),
            tolerance=_DIVERGENCE_TOLERANCE,
        )
        write_text(folder / "int8.json", json.dumps(asdict(found)))

    stage = context.store.stage("int8", settled_from(source), make)
    values = json.loads((stage.folder / "int8.json").read_text(encoding="utf-8"))
    linear = {name: ActivationRange(**found) for name, found in values["precision"]["linear"].items()}
    return Quantized(Precision(linear=linear), tuple(values["reverted"]), values["divergence"])


def settled_from(source: Source) -> dict[str, Any]:
    """Return what the scales and the reverted layers depend on."""
    return {
        "trained": source.key,
        "tolerance": _DIVERGENCE_TOLERANCE,
        "texts": [_CALIBRATION_TEXTS, _COMPARED_TEXTS],
        "order": "output errors",
        "layers": sorted(int8_layers(source.model)),
    }


def divergence(context: Context, source: Source) -> tuple[Callable[[Precision], float], int]:
    """Return how far a precision's answers are from those in float32, as a function, and on how many texts."""
    tokens = compared_tokens(context, source)
    shape, arrays = source.model.shape, arrays_of(source.model)
    expected = onnx_logits(encoder_to_onnx(shape, arrays), tokens)

    def measure(precision: Precision) -> float:
        found = onnx_logits(encoder_to_onnx(shape, arrays, precision=precision), tokens)
        return mean_divergence(expected, found, multi_label=context.splits.multi_label)

    return measure, len(tokens)


def compared_tokens(context: Context, source: Source) -> Tokens:
    """Return the first few of the calibration texts: what answers are compared on."""
    calibration = calibration_tokens(context, source)
    return calibration.take(np.arange(min(_COMPARED_TEXTS, len(calibration))))


def calibration_tokens(context: Context, source: Source) -> Tokens:
    """Return some training texts as pieces of the source's tokenizer."""
    rows = np.random.default_rng(context.seed).permutation(len(context.splits.train))[:_CALIBRATION_TEXTS]
    texts = [context.splits.train[row].text for row in rows]
    tokenizer = Tokenizer.from_file(str(source.tokenizer))
    return tokenize(tokenizer, texts, max_length=context.vocabulary.max_length, pad_id=source.model.shape.pad_id)


def arrays_of(model: nn.Module) -> dict[str, NDArray[np.float32]]:
    """Return the weights by name."""
    return {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}


def mean_divergence(expected: NDArray[np.float32], found: NDArray[np.float32], *, multi_label: bool) -> float:
    """Return the mean Kullback-Leibler divergence of the answers, in nats a text."""
    a, b = torch.from_numpy(expected).double(), torch.from_numpy(found).double()
    if multi_label:
        a, b = torch.stack([a, -a], -1) / 2, torch.stack([b, -b], -1) / 2
    p, q = a.log_softmax(-1), b.log_softmax(-1)
    return float((p.exp() * (p - q)).sum(-1).flatten(1 if multi_label else 0).mean())
