"""A model of several inputs as an ONNX graph: the arrays of every input and what is there in, logits out.

Where the precision says int8, linear layers of the blocks are int8; convolutions and tables are stored in int8, with
one scale a channel or row, and computed in float32.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx
from onnx import TensorProto, helper

from penjing.engines.mixed_inputs import array_name
from penjing.export.layers import FLOAT32, Layers, Precision
from penjing.export.nodes import OPSET, Array, Nodes
from penjing.export.onnx_convnet import Stored, append_convnet
from penjing.export.prenorm import PreNormBlocks
from penjing.train.fused import FusedShape, InputShape

FUSED_GRAPH = f"{OPSET}.fused.2"  # part of every key of an exported file


def fused_to_onnx(
    shape: FusedShape, weights: Mapping[str, Array], *, precision: Precision = FLOAT32
) -> onnx.ModelProto:
    """Return the model; its inputs are those of `MixedEncoder`, its output logits.

    `weights` are the arrays of `FusedModel.state_dict()`.
    """
    graph = Nodes()
    layers = Layers(graph, weights, precision)
    blocks = PreNormBlocks(graph, layers, shape)
    said = [_said(graph, layers, shape, place, precision) for place in range(len(shape.inputs))]
    one = graph.int64("input_axis", [1])
    vectors = graph.node("Concat", *(graph.node("Unsqueeze", x, one) for x in said), axis=1)
    there = graph.node("Unsqueeze", "present", graph.int64("last_axis", [2]))
    absent = graph.node("Sub", graph.float32("one", 1.0), there)
    chosen = graph.node("Add", graph.node("Mul", there, vectors), graph.node("Mul", absent, layers.weight("missing")))
    found = graph.node("Add", chosen, layers.weight("positions"))
    count = graph.node("Shape", "present", start=0, end=1)
    size = graph.node("Concat", count, graph.int64("token_size", [1, shape.hidden]), axis=0)
    x = graph.node("Concat", graph.node("Expand", layers.weight("tokens"), size), found, axis=1)
    for layer in range(shape.layers):
        x = blocks.block(layer, x)
    token = graph.node("Gather", x, graph.int64("first", 0), axis=1)
    layers.linear("head", blocks.norm("norm", token), output="logits")
    inputs = [value for place, input_ in enumerate(shape.inputs) for value in _declared(input_, array_name(place))]
    present = helper.make_tensor_value_info("present", TensorProto.FLOAT, ["batch", len(shape.inputs)])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", shape.labels])
    return graph.model("fused", [*inputs, present], [logits])


def _declared(one: InputShape, name: str) -> list[onnx.ValueInfoProto]:
    declare = helper.make_tensor_value_info
    if one.kind == "text":
        width = ["batch", f"{name}.grams"]
        kinds = ((f"{name}.buckets", TensorProto.INT64), (f"{name}.weights", TensorProto.FLOAT))
        return [declare(array, kind, width) for array, kind in kinds]
    if one.kind in {"image", "audio"}:
        return [declare(name, TensorProto.UINT8, ["batch", one.rows, one.columns, one.channels])]
    kind = TensorProto.INT64 if one.kind == "category" else TensorProto.FLOAT
    return [declare(name, kind, ["batch", 1])]


def _said(graph: Nodes, layers: Layers, shape: FusedShape, place: int, precision: Precision) -> str:
    """Append the encoder of an input; return the name of what it says, (batch, hidden)."""
    one, name, array = shape.inputs[place], f"encoders.{place}", array_name(place)
    last = graph.int64("sum_axis", [1])
    if one.kind == "text":
        rows = graph.node("Gather", layers.table(f"{name}.table.weight"), f"{array}.buckets", axis=0)
        weights = graph.node("Unsqueeze", f"{array}.weights", graph.int64("last_axis", [2]))
        return graph.node("ReduceSum", graph.node("Mul", rows, weights), last, keepdims=0)
    if one.kind == "category":
        return graph.node("Squeeze", graph.node("Gather", layers.table(f"{name}.weight"), array, axis=0), last)
    if one.kind == "number":
        inner = graph.node("Gelu", layers.linear(f"{name}.0", array))
        return layers.linear(f"{name}.2", inner)
    stored: Stored = "float32" if precision.embeddings == "float32" else "int8"
    return append_convnet(graph, layers.weights, array, prefix=f"{name}.", stored=stored)
