"""A small convnet as an ONNX graph: pixels in uint8 in, logits out, normalization folded into the convolutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper

from penjing.export.integers import quantize_rows
from penjing.export.nodes import OPSET, Array, Nodes

Stored = Literal["float32", "int8"]
CONVNET_GRAPH = f"{OPSET}.convnet.1"  # part of every key of an exported file
_EPSILON = 1e-5  # of batch normalization, PyTorch's default
_SMALL_KERNEL = 3
_KINDS = ("int8", "scale", "zero")


def convnet_to_onnx(weights: Mapping[str, Array], *, sides: tuple[int, int], stem_stride: int) -> onnx.ModelProto:
    """Return the model with input pixels, uint8 (batch, *sides, channels), and output logits.

    `weights` are the arrays of `ConvNet.state_dict()`.
    """
    graph = Nodes()
    append_convnet(graph, weights, "pixels", stem_stride=stem_stride, output="logits")
    channels, labels = len(weights["mean"]), len(weights["head.bias"])
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", *sides, channels])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", labels])
    return graph.model("convnet", [pixels], [logits])


def append_convnet(
    graph: Nodes,
    weights: Mapping[str, Array],
    pixels: str,
    *,
    stem_stride: int | None = None,
    prefix: str = "",
    stored: Stored = "float32",
    output: str | None = None,
) -> str:
    """Append a convnet that reads `pixels`; return the name of its answers.

    `prefix` is what the names of its weights begin with. Where `stem_stride` is not given, the kernel's size tells it.
    """
    own = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    net = _Convolutions(graph, own, prefix, stored)
    stride = stem_stride or (1 if own["stem.weight"].shape[-1] == _SMALL_KERNEL else 4)
    values = graph.node("Cast", pixels, to=TensorProto.FLOAT)
    mean, deviation = (graph.constant(f"{prefix}{name}", own[name].reshape(-1)) for name in ("mean", "deviation"))
    scaled = graph.node("Div", graph.node("Sub", values, mean), deviation)
    x = graph.node("Transpose", scaled, perm=[0, 3, 1, 2])
    x = graph.node("Relu", net.append("stem", "stem_norm", x, stride=stride))
    count = len({name.split(".")[1] for name in own if name.startswith("blocks.")})
    for block in range(count):
        name, stride = f"blocks.{block}", 1 if block == 0 else 2
        inner = graph.node("Relu", net.append(f"{name}.first", f"{name}.first_norm", x, stride=stride))
        inner = net.append(f"{name}.second", f"{name}.second_norm", inner, stride=1)
        if f"{name}.beside.weight" in own:
            x = net.append(f"{name}.beside", None, x, stride=stride)
        x = graph.node("Relu", graph.node("Add", inner, x))
    pooled = graph.node("ReduceMean", x, graph.int64("sides", [2, 3]), keepdims=0)
    head = graph.constant(f"{prefix}head.weight", np.ascontiguousarray(own["head.weight"].T))
    bias = graph.constant(f"{prefix}head.bias", own["head.bias"])
    return graph.node("Add", graph.node("MatMul", pooled, head), bias, name=output)


class _Convolutions:
    def __init__(self, graph: Nodes, weights: Mapping[str, Array], prefix: str, stored: Stored) -> None:
        self._graph, self._weights, self._prefix, self._stored = graph, weights, prefix, stored

    def append(self, name: str, norm: str | None, x: str, *, stride: int) -> str:
        """Append a convolution whose kernel and bias are what normalization makes of them."""
        weights = self._weights
        kernel = weights[f"{name}.weight"]
        bias: Array = np.zeros(len(kernel), np.float32)
        if norm is not None:
            scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + _EPSILON)
            kernel = kernel * scale[:, None, None, None]
            bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
        added = self._graph.constant(f"{self._prefix}{name}.bias", bias.astype(np.float32))
        padding = 0 if kernel.shape[-1] == 1 else 1
        return self._graph.node(
            "Conv", x, self._kernel(name, kernel.astype(np.float32)), added, pads=[padding] * 4, strides=[stride] * 2,
            kernel_shape=list(kernel.shape[2:]),
        )  # fmt: skip

    def _kernel(self, name: str, kernel: Array) -> str:
        called = f"{self._prefix}{name}.weight"
        if self._stored == "float32":
            return self._graph.constant(called, kernel)
        rows, scales = quantize_rows(kernel.reshape(len(kernel), -1))
        values: tuple[Array, ...] = (rows.reshape(kernel.shape), scales, np.zeros(len(scales), np.int8))
        names = [self._graph.constant(f"{called}.{kind}", value) for kind, value in zip(_KINDS, values, strict=True)]
        return self._graph.node("DequantizeLinear", *names, axis=0)
