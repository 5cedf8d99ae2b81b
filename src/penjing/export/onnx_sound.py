"""Whisper's encoder with a head as an ONNX graph of standard operators: pixels in uint8 in, logits out.

Linear layers are float32 or int8; LayerNormalization, softmax and Gelu stay in float32. Scaling the pixels is folded
into the first layer, which in int8 takes them as they come, without rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import onnx
from onnx import TensorProto, helper

from penjing.export.layers import FLOAT32, ActivationRange, Layers, Precision
from penjing.export.nodes import OPSET, Array, Nodes
from penjing.export.prenorm import PreNormBlocks
from penjing.train.sound import SoundShape

SOUND_GRAPH = f"{OPSET}.sound.2"  # part of every key of an exported file: raise it when the file becomes another
_RAW = ActivationRange(scale=1.0, zero_point=0)


def sound_to_onnx(
    shape: SoundShape, weights: Mapping[str, Array], *, precision: Precision = FLOAT32
) -> onnx.ModelProto:
    """Return the model with input pixels, uint8 (batch, bands, moments, 1), and output logits.

    `weights` are the arrays of `SoundTransformer.state_dict()`.
    """
    linear = {**precision.linear, **({"stem.0": _RAW} if "stem.0" in precision.linear else {})}
    graph = Nodes()
    layers = Layers(graph, {**weights, **_folded(weights)}, replace(precision, linear=linear))
    blocks = PreNormBlocks(graph, layers, shape)
    x = _stem(graph, layers, shape)
    for layer in range(shape.layers):
        x = blocks.block(layer, x)
    said = blocks.norm("norm", x)
    listened = graph.node("Softmax", layers.linear("listen", said), axis=1)
    pooled = graph.node("ReduceSum", graph.node("Mul", said, listened), graph.int64("time", [1]), keepdims=0)
    layers.linear("head", pooled, output="logits")
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", shape.bands, shape.moments, 1])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", shape.labels])
    return graph.model("sound", [pixels], [logits])


def _folded(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Return the first layer such that it takes pixels of 0 to 255."""
    mean, deviation = (float(weights[name][0]) for name in ("mean", "deviation"))
    matrix = np.float64(weights["stem.0.weight"]) / deviation
    bias = weights["stem.0.bias"] - matrix.sum(axis=1) * mean
    return {"stem.0.weight": matrix.astype(np.float32), "stem.0.bias": bias.astype(np.float32)}


def _stem(graph: Nodes, layers: Layers, shape: SoundShape) -> str:
    values = graph.node("Cast", "pixels", to=TensorProto.FLOAT)
    flat = graph.node("Reshape", values, graph.int64("plane", [-1, shape.bands, shape.moments]))
    x = graph.node("Transpose", flat, perm=[0, 2, 1])
    around = (graph.float32("mean", shape.mean[0]), graph.float32("nothing", 0.0))
    for place, padding in enumerate(around):
        x = graph.node(
            "Gelu",
            layers.linear(f"stem.{place}", _neighbours(graph, x, shape.moments, step=place + 1, padding=padding)),
        )
    return graph.node("Add", x, layers.positions())


def _neighbours(graph: Nodes, x: str, moments: int, *, step: int, padding: str) -> str:
    """Return each of the `moments` of `x` (or each second one) beside the two around it, with `padding` at both ends.

    `x` is on the scale of the pixels where scaling is folded into what follows.
    """
    padded = graph.node("Pad", x, graph.int64("around", [0, 1, 0, 0, 1, 0]), padding)
    axis, steps = graph.int64("axis", [1]), graph.int64(f"steps{step}", [step])
    parts = [
        graph.node(
            "Slice", padded, graph.int64(f"from{place}", [place]), graph.int64(f"to{place}", [moments + place]), axis,
            steps,
        )
        for place in range(3)
    ]  # fmt: skip
    return graph.node("Concat", *parts, axis=2)
