"""A small convnet as an ONNX graph: pixels in uint8 in, logits out, normalization folded into the convolutions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper

from penjing.export.nodes import OPSET, Array, Nodes

CONVNET_GRAPH = f"{OPSET}.convnet.1"  # part of every key of an exported file
_EPSILON = 1e-5  # of batch normalization, PyTorch's default


def convnet_to_onnx(weights: Mapping[str, Array], *, sides: tuple[int, int], stem_stride: int) -> onnx.ModelProto:
    """Return the model with input pixels, uint8 (batch, *sides, channels), and output logits.

    `weights` are the arrays of `ConvNet.state_dict()`.
    """
    graph = Nodes()
    values = graph.node("Cast", "pixels", to=TensorProto.FLOAT)
    mean, deviation = (graph.constant(name, weights[name].reshape(-1)) for name in ("mean", "deviation"))
    scaled = graph.node("Div", graph.node("Sub", values, mean), deviation)
    x = graph.node("Transpose", scaled, perm=[0, 3, 1, 2])
    x = graph.node("Relu", _convolution(graph, weights, "stem", "stem_norm", x, stride=stem_stride))
    count = len({name.split(".")[1] for name in weights if name.startswith("blocks.")})
    for block in range(count):
        name = f"blocks.{block}"
        stride = 1 if block == 0 else 2
        inner = graph.node(
            "Relu", _convolution(graph, weights, f"{name}.first", f"{name}.first_norm", x, stride=stride)
        )
        inner = _convolution(graph, weights, f"{name}.second", f"{name}.second_norm", inner, stride=1)
        if f"{name}.beside.weight" in weights:
            x = _convolution(graph, weights, f"{name}.beside", None, x, stride=stride)
        x = graph.node("Relu", graph.node("Add", inner, x))
    pooled = graph.node("ReduceMean", x, graph.int64("sides", [2, 3]), keepdims=0)
    head = graph.constant("head.weight", np.ascontiguousarray(weights["head.weight"].T))
    graph.node(
        "Add", graph.node("MatMul", pooled, head), graph.constant("head.bias", weights["head.bias"]), name="logits"
    )
    channels, labels = len(weights["mean"]), len(weights["head.bias"])
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", *sides, channels])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", labels])
    return graph.model("convnet", [pixels], [logits])


def _convolution(
    graph: Nodes, weights: Mapping[str, Array], name: str, norm: str | None, x: str, *, stride: int
) -> str:
    """Append a convolution whose kernel and bias are what normalization makes of them."""
    kernel = weights[f"{name}.weight"]
    bias: Array = np.zeros(len(kernel), np.float32)
    if norm is not None:
        scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + _EPSILON)
        kernel = kernel * scale[:, None, None, None]
        bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    stored = graph.constant(f"{name}.weight", kernel.astype(np.float32))
    padding = 0 if kernel.shape[-1] == 1 else 1
    return graph.node(
        "Conv", x, stored, graph.constant(f"{name}.bias", bias.astype(np.float32)), pads=[padding] * 4,
        strides=[stride] * 2, kernel_shape=list(kernel.shape[2:]),
    )  # fmt: skip
