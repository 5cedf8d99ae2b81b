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

from penjing.export.integers import quantize_rows
from penjing.export.layers import FLOAT32, ActivationRange, Layers, Precision
from penjing.export.nodes import OPSET, Array, Nodes
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
        self._node, self._int64 = self._graph.node, self._graph.int64

    def model(self) -> onnx.ModelProto:
        """Return the model."""
        x = self._embeddings()
        for layer in range(self.shape.layers):
            x = self._block(layer, x)
        self._answer(self._norm("norm", x))
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
        patches = self._node("Add", self._layers.linear("patches", values), self._positions())
        count = self._node("Shape", "pixels", start=0, end=1)
        size = self._node("Concat", count, self._int64("tokens_size", [shape.tokens, shape.hidden]), axis=0)
        tokens = self._node("Expand", self._layers.weight("tokens"), size)
        return self._node("Concat", tokens, patches, axis=1)

    def _positions(self) -> str:
        """Return the positions, in int8 with one scale a column where the precision says so."""
        if self.precision.embeddings == "float32":
            return self._layers.weight("positions")
        columns, scales = quantize_rows(self.weights["positions"].T)
        stored = self._graph.constant("positions.int8", np.ascontiguousarray(columns.T))
        wide = self._node("Cast", stored, to=TensorProto.FLOAT)
        return self._node("Mul", wide, self._graph.constant("positions.scale", scales))

    def _block(self, layer: int, x: str) -> str:
        name, last = f"blocks.{layer}", layer == self.shape.layers - 1
        before = self._norm(f"{name}.attention_norm", x)
        if last:
            x, asking = self._class_tokens(x), self._class_tokens(before)
            q, (k, v) = self._layers.linear(f"{name}.q", asking), self._split(name, "kv", before)
        else:
            q, k, v = self._split(name, "qkv", before)
        heads = self.shape.heads[layer]
        attended = self._node("Attention", q, k, v, q_num_heads=heads, kv_num_heads=heads)
        x = self._node("Add", self._layers.linear(f"{name}.attention_out", attended), x)
        inner = self._layers.linear(f"{name}.ffn_in", self._norm(f"{name}.ffn_norm", x))
        return self._node("Add", self._layers.linear(f"{name}.ffn_out", self._node("Gelu", inner)), x)

    def _split(self, name: str, parts: str, x: str) -> list[str]:
        """Return queries, keys and values, or some of them, that one linear layer gives side by side."""
        whole = self._layers.linear(f"{name}.{parts}", x)
        outputs = [f"{name}.{part}_" for part in parts]
        return self._graph.many("Split", [whole], outputs, name=f"n_{name}.split", axis=-1, num_outputs=len(parts))

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

    def _norm(self, name: str, x: str) -> str:
        return self._layers.norm(name, x, epsilon=self.shape.epsilon)
