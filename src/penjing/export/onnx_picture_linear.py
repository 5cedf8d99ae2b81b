"""The baseline for pictures as an ONNX graph."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper

from penjing.export.nodes import Nodes
from penjing.train.picture_linear import PictureLinear


def linear_to_onnx(model: PictureLinear, *, shape: tuple[int, int, int]) -> onnx.ModelProto:
    """Return the graph with input pixels, uint8 (batch, *shape), and output logits."""
    graph, (rows, columns, channels) = Nodes(), shape
    down, across = rows // model.step, columns // model.step
    values = graph.node("Cast", "pixels", to=TensorProto.FLOAT)
    squares = graph.int64("grid", [-1, down, model.step, across, model.step, channels])
    means = graph.node("ReduceMean", graph.node("Reshape", values, squares), graph.int64("axes", [2, 4]), keepdims=0)
    flat = graph.node("Reshape", means, graph.int64("flat", [-1, down * across * channels]))
    product = graph.node("MatMul", flat, graph.constant("weights", np.ascontiguousarray(model.weights.T)))
    graph.node("Add", product, graph.constant("biases", model.biases), name="logits")
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["batch", *shape])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(model.biases)])
    return graph.model("linear", [pixels], [logits])
