"""An encoder as an ONNX graph of standard operators, written node by node.

Each linear layer is float32 or int8 (per-channel weights, one static activation scale per tensor), the word
embeddings float32, int8 with one scale a row, or int4 (two values a byte) with one scale a group of up to 32; beside
int8 or int4 words, positions are int8 with one scale a column. A node-by-node graph is small enough for every engine
to fuse, and the precision of each layer is decided here, not recovered from a traced graph.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper

from penjing.export.integers import INT4_ZERO, quantize_pairs, quantize_rows
from penjing.export.layers import FLOAT32, Layers, Precision
from penjing.export.nodes import OPSET, Array, Nodes
from penjing.train.encoder import EncoderShape
from penjing.train.families import PoolerActivation

GRAPH = f"{OPSET}.2"  # part of every key of an exported file: raise it when the same model becomes another file
_MASKED = -10_000.0  # added to the scores of padding: exp() of it is exactly 0 in float32

_POOLERS: Mapping[PoolerActivation, str] = {"tanh": "Tanh", "relu": "Relu", "gelu": "Gelu"}


def encoder_to_onnx(
    shape: EncoderShape, weights: Mapping[str, Array], *, precision: Precision = FLOAT32
) -> onnx.ModelProto:
    """Return the model with inputs input_ids and attention_mask (batch, length) and output logits.

    `weights` are the arrays of `Encoder.state_dict()`.
    """
    graph = _Graph(shape, weights, precision)
    graph.build()
    return graph.model()


class _Graph:
    def __init__(self, shape: EncoderShape, weights: Mapping[str, Array], precision: Precision) -> None:
        self.shape, self.weights, self.precision = shape, weights, precision
        self._graph = Nodes()
        self._layers = Layers(self._graph, weights, precision)
        self._node, self._constant = self._graph.node, self._graph.constant
        self._float32, self._int64 = self._graph.float32, self._graph.int64

    def build(self) -> None:
        """Append all nodes, in the order of the computation."""
        x = self._embeddings()
        mask = self._node("Cast", "attention_mask", to=TensorProto.FLOAT, name="mask")
        bias = self._attention_bias(mask)
        for layer in range(self.shape.layers):
            x = self._block(layer, x, bias)
        pooled = self._pool(x, mask)
        self._layers.linear("head", pooled, output="logits")

    def model(self) -> onnx.ModelProto:
        """Return the model."""
        dims = ["batch", "length"]
        inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, dims) for n in ("input_ids", "attention_mask")]
        outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", self.shape.labels])]
        return self._graph.model("encoder", inputs, outputs)

    def _embeddings(self) -> str:
        words = {"float32": self._float_words, "int8": self._int8_words, "int4": self._int4_words}
        positions = self._positions()
        found = words[self.precision.embeddings]()
        if self.shape.rank and self.shape.widened == "words":
            found = self._widen(found)
        found = self._layers.norm("embedding_norm", self._node("Add", found, positions), epsilon=self.shape.epsilon)
        if self.shape.rank and self.shape.widened == "sum":
            found = self._node("Add", self._widen(found), self._layers.weight("widen.bias"))
        return found

    def _positions(self) -> str:
        stored, scales = self.weights["positions.weight"], None
        if self.precision.embeddings != "float32":
            columns, scales = quantize_rows(stored.T)
            stored = np.ascontiguousarray(columns.T)
        length = self._node("Shape", "input_ids", start=1, end=2)
        table, start, axis = (
            self._constant("positions", stored),
            self._int64("zero", [0]),
            self._int64("axis0", [0]),
        )
        taken = self._node("Slice", table, start, length, axis)
        if scales is None:
            return taken
        wide = self._node("Cast", taken, to=TensorProto.FLOAT)
        return self._node("Mul", wide, self._constant("positions.scale", scales))

    def _widen(self, x: str) -> str:
        return self._layers.product("widen", x)

    def _float_words(self) -> str:
        return self._node("Gather", self._layers.weight("words.weight"), "input_ids")

    def _int8_words(self) -> str:
        rows, scales = quantize_rows(self.weights["words.weight"])
        taken = self._node("Gather", self._constant("words.int8", rows), "input_ids")
        scale = self._node("Gather", self._constant("words.scale", scales[:, None]), "input_ids")
        return self._node("Mul", self._node("Cast", taken, to=TensorProto.FLOAT), scale)

    def _int4_words(self) -> str:
        pairs, scales = quantize_pairs(self.weights["words.weight"])
        taken = self._node("Gather", self._constant("words.int4", pairs), "input_ids")
        low = self._node("BitwiseAnd", taken, self._constant("low_bits", np.uint8(15)))
        # shifted without these bits: OpenVINO divides and rounds
        upper = self._node("BitwiseAnd", taken, self._constant("high_bits", np.uint8(240)))
        high = self._node("BitShift", upper, self._constant("four_bits", np.uint8(4)), direction="RIGHT")
        both = self._node("Cast", self._node("Concat", low, high, axis=-1), to=TensorProto.FLOAT)
        centred = self._node("Sub", both, self._float32("int4_zero", INT4_ZERO))
        groups = self._int64("groups", [0, 0, scales.shape[1], -1])
        scale = self._node("Gather", self._constant("words.scale", scales[:, :, None]), "input_ids")
        scale = self._node("Cast", scale, to=TensorProto.FLOAT)
        restored = self._node("Mul", self._node("Reshape", centred, groups), scale)
        return self._node("Reshape", restored, self._int64("ungrouped", [0, 0, self.shape.rank or self.shape.hidden]))

    def _block(self, layer: int, x: str, bias: str) -> str:
        name = f"blocks.{layer}"
        attended = self._attention(layer, self._layers.linear(f"{name}.qkv", x), bias)
        attended = self._layers.linear(f"{name}.attention_out", attended)
        x = self._layers.norm(f"{name}.attention_norm", self._node("Add", attended, x), epsilon=self.shape.epsilon)
        expanded = self._node("Gelu", self._layers.linear(f"{name}.ffn_in", x))
        expanded = self._layers.linear(f"{name}.ffn_out", expanded)
        return self._layers.norm(f"{name}.ffn_norm", self._node("Add", expanded, x), epsilon=self.shape.epsilon)

    def _attention_bias(self, mask: str) -> str:
        """Return what is added to every score, (batch, 1, length, length): 0, or much less than 0 for padding."""
        wide = self._node("Unsqueeze", mask, self._int64("axes_heads", [1, 2]))
        bias = self._node("Mul", self._node("Sub", self._float32("one", 1.0), wide), self._float32("masked", _MASKED))
        length = self._node("Shape", "input_ids", start=1, end=2)
        rows = self._node("Concat", self._int64("before_rows", [1, 1]), length, self._int64("after_rows", [1]), axis=0)
        return self._node("Expand", bias, rows)

    def _attention(self, layer: int, qkv: str, bias: str) -> str:
        heads = self.shape.heads[layer]
        q, k, v = (f"blocks.{layer}.{part}" for part in "qkv")
        self._graph.many("Split", [qkv], [q, k, v], name=f"n_blocks.{layer}.split", axis=-1, num_outputs=3)
        return self._node("Attention", q, k, v, bias, q_num_heads=heads, kv_num_heads=heads)

    def _pool(self, x: str, mask: str) -> str:
        if self.shape.pooling == "first":
            first = self._node("Gather", x, self._int64("first", 0), axis=1)
            return self._node(_POOLERS[self.shape.pooler], self._layers.linear("pooler", first))
        axis = self._int64("axis1", [1])
        share = self._node("Div", mask, self._node("ReduceSum", mask, axis, keepdims=1))
        return self._node("Squeeze", self._node("MatMul", self._node("Unsqueeze", share, axis), x), axis)
