"""A Vision Transformer as an ONNX graph of standard operators: pixels in uint8 in, logits out.

Linear layers are float32 or int8; LayerNormalization, softmax and Gelu stay in float32. Scaling the pixels is folded
into the layer that reads the patches, which in int8 takes them as they come, without rounding. Of the last block only
the class tokens are read, so that it is computed for these alone.
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
from penjing.train.vision import VisionShape

VISION_GRAPH = f"{OPSET}.vision.1"  # part of every key of an exported file: raise it when the file becomes another
_RAW = ActivationRange(scale=1.0, zero_point=0)


def vision_to_onnx(
    shape: VisionShape, weights: Mapping[str, Array], *, precision: Precision = FLOAT32
) -> onnx.ModelProto:
    """Return the model with input pixels, uint8 (batch, size, size, channels), and output logits.

    `weights` are the arrays of `VisionTransformer.state_dict()`.
    """
    last = f"blocks.{shape.layers - 1}"
    folded = {**weights, **_folded(weights, shape), **_parted(weights, last)}
    graph = _Graph(shape, folded, _with_parts(precision, last))
    return graph.model()


def _folded(weights: Mapping[str, Array], shape: VisionShape) -> dict[str, Array]:
    """Return the layer that reads patches such that it takes pixels of 0 to 255."""
    values = shape.patch**2
    mean, deviation = (np.tile(np.float64(weights[name]), values) for name in ("mean", "deviation"))
    matrix = weights["patches.weight"] / deviation
    bias = weights["patches.bias"] - matrix @ mean
    return {"patches.weight": matrix.astype(np.float32), "patches.bias": bias.astype(np.float32)}


def _parted(weights: Mapping[str, Array], block: str) -> dict[str, Array]:
    """Return the queries of a block apart from its keys and values."""
    found: dict[str, Array] = {}
    for kind in ("weight", "bias"):
        whole = weights[f"{block}.qkv.{kind}"]
        inner = len(whole) // 3
        found |= {f"{block}.q.{kind}": whole[:inner], f"{block}.kv.{kind}": whole[inner:]}
    return found


def _with_parts(precision: Precision, block: str) -> Precision:
    linear = dict(precision.linear)
    if f"{block}.qkv" in linear:
        linear |= dict.fromkeys((f"{block}.q", f"{block}.kv"), linear[f"{block}.qkv"])
    if "patches" in linear:
        linear["patches"] = _RAW
    return replace(precision, linear=linear)


class _Graph:
    def __init__(self, shape: VisionShape, weights: Mapping[str, Array], precision: Precision) -> None:
        self.shape, self.weights, self.precision = shape, weights, precision
        self._graph = Nodes()
        self._layers = Layers(self._graph, weights, precision)
        self._blocks = PreNormBlocks(self._graph, self._layers, shape)
        self._node, self._int64 = self._graph.node, self._graph.int64

    def model(self) -> onnx.ModelProto:
        """Return the model."""
        x = self._embeddings()
        for layer in range(self.shape.layers - 1):
            x = self._blocks.block(layer, x)
        x = self._last_block(x)
        self._answer(self._blocks.norm("norm", x))
        side = self.shape.image
        pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", side, side, self.shape.channels])
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", self.shape.labels])
        return self._graph.model("vision", [pixels], [logits])

    def _embeddings(self) -> str:
        shape = self.shape
        split = [-1, shape.side, shape.patch, shape.side, shape.patch, shape.channels]
        grid = self._node("Reshape", "pixels", self._int64("grid", split))
        swapped = self._node("Transpose", grid, perm=[0, 1, 3, 2, 4, 5])
        flat = self._node("Reshape", swapped, self._int64("flat", [-1, shape.side**2, shape.patch_values]))
        values = self._node("Cast", flat, to=TensorProto.FLOAT)
        patches = self._node("Add", self._layers.linear("patches", values), self._layers.positions())
        count = self._node("Shape", "pixels", start=0, end=1)
        size = self._node("Concat", count, self._int64("tokens_size", [shape.tokens, shape.hidden]), axis=0)
        tokens = self._node("Expand", self._layers.weight("tokens"), size)
        return self._node("Concat", tokens, patches, axis=1)

    def _last_block(self, x: str) -> str:
        """Append the last block, for the class tokens alone."""
        layer = self.shape.layers - 1
        name = f"blocks.{layer}"
        before = self._blocks.norm(f"{name}.attention_norm", x)
        q = self._layers.linear(f"{name}.q", self._class_tokens(before))
        k, v = self._blocks.split(name, "kv", before)
        return self._blocks.after(layer, self._class_tokens(x), q, k, v)

    def _class_tokens(self, x: str) -> str:
        bounds = (self._int64("first", [0]), self._int64("tokens_end", [self.shape.tokens]), self._int64("axis", [1]))
        return self._node("Slice", x, *bounds)

    def _answer(self, x: str) -> None:
        """Append the mean of what the heads say of their tokens."""
        said = []
        for place in range(self.shape.tokens):
            token = self._node("Gather", x, self._int64(f"token{place}", place), axis=1)
            said.append(self._layers.linear(f"heads.{place}", token, output="logits" if self._alone else None))
        if not self._alone:
            self._node("Mean", *said, name="logits")

    @property
    def _alone(self) -> bool:
        return self.shape.tokens == 1
