"""The encoder and the decoder of a checkpoint that translates as ONNX graphs of standard operators.

In int8 matrices are stored by row (or column) with a scale each and widened when the model is loaded, so that a
translation does not depend on what is translated beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import onnx
from onnx import TensorProto, helper

from penjing.export.ctranslate2 import Precision
from penjing.export.integers import quantize_rows
from penjing.export.nodes import Array, Nodes

WORDS, POSITIONS = "model.shared.weight", "positions"
_MASKED = -10_000.0  # exp() of it is exactly 0 in float32
_FLOAT, _INT64 = TensorProto.FLOAT, TensorProto.INT64


@dataclass(frozen=True)
class TranslatorShape:
    """What the graphs need to know of a checkpoint, beside its weights."""

    width: int
    heads: int
    encoder: int
    decoder: int
    norms_first: bool
    activation: tuple[str, ...]
    scale: float
    """Of the embeddings."""


class _Blocks:
    """The parts that encoder and decoder are made of."""

    def __init__(self, shape: TranslatorShape, weights: Mapping[str, Array], precision: Precision) -> None:
        self.shape, self.weights, self.precision = shape, weights, precision
        self.graph = Nodes()
        self.node = self.graph.node

    def embedded(self, pieces: str, first: str, past: str) -> str:
        """Return the embeddings of `pieces` (rows, length), of which the first is at place `first`."""
        words = self._stored("words", self.weights[WORDS])
        taken = self.node("Gather", words, pieces)
        scaled = self.node("Mul", taken, self.graph.float32("scale", self.shape.scale))
        table = self.graph.constant(POSITIONS, self.weights[POSITIONS])
        places = self.node("Slice", table, first, past, self.graph.int64("axis0", [0]))
        return self.node("Add", scaled, self.node("Cast", places, to=_FLOAT))

    def logits(self, x: str) -> str:
        """Return the logits (rows, pieces) of states (rows, width)."""
        words = self._stored("words", self.weights[WORDS])
        product = self.node("MatMul", x, self.node("Transpose", words, perm=[1, 0]))
        bias = self.weights.get("final_logits_bias")
        if bias is None:
            return self.node("Identity", product, name="logits")
        return self.node("Add", product, self.graph.constant("bias", bias.reshape(-1)), name="logits")

    def part(self, x: str, norm: str, inner: Callable[[str], str]) -> str:
        """Return `x` with what `inner` makes of it, normalised before or after."""
        if self.shape.norms_first:
            return self.node("Add", x, inner(self.norm(norm, x)))
        return self.norm(norm, self.node("Add", x, inner(x)))

    def norm(self, name: str, x: str) -> str:
        scale, shift = (
            self.graph.constant(f"{name}.{part}", self.weights[f"{name}.{part}"]) for part in ("weight", "bias")
        )
        return self.node("LayerNormalization", x, scale, shift, axis=-1, epsilon=1e-5)

    def linear(self, name: str, x: str) -> str:
        product = self.node("MatMul", x, self._stored_transposed(f"{name}.weight"))
        return self.node("Add", product, self.graph.constant(f"{name}.bias", self.weights[f"{name}.bias"]))

    def ffn(self, name: str, x: str) -> str:
        wide = self.linear(f"{name}.fc1", x)
        active = self.node(self.shape.activation[0], wide)
        if len(self.shape.activation) > 1:
            active = self.node(self.shape.activation[1], wide, active)
        return self.linear(f"{name}.fc2", active)

    def reads_itself(self, name: str, bias: str, x: str) -> str:
        """Return what the pieces of a source take from each other."""
        queries, keys, values = self._projected(name, x)
        return self._gathered(name, self.attended(queries, keys, values, bias))

    def goes_on(self, layer: int, x: str) -> str:
        """Return what a piece takes from those before it, and append its keys and values to theirs."""
        name = f"model.decoder.layers.{layer}.self_attn"
        queries, keys, values = self._projected(name, x)
        keys = self.node("Concat", f"past_keys.{layer}", keys, axis=2, name=f"new_keys.{layer}")
        values = self.node("Concat", f"past_values.{layer}", values, axis=2, name=f"new_values.{layer}")
        return self._gathered(name, self.attended(queries, keys, values, None))

    def reads_source(self, layer: int, bias: str, x: str) -> str:
        """Return what a piece takes from the source."""
        name = f"model.decoder.layers.{layer}.encoder_attn"
        queries = self.heads(self.linear(f"{name}.q_proj", x))
        return self._gathered(name, self.attended(queries, f"keys.{layer}", f"values.{layer}", bias))

    def _projected(self, name: str, x: str) -> tuple[str, str, str]:
        queries, keys, values = (self.heads(self.linear(f"{name}.{part}_proj", x)) for part in "qkv")
        return queries, keys, values

    def _gathered(self, name: str, x: str) -> str:
        return self.linear(f"{name}.out_proj", self.joined(x))

    def heads(self, x: str, *, name: str | None = None) -> str:
        """Return (rows, heads, length, width of a head) of (rows, length, width)."""
        sizes = self.graph.int64("split_heads", [0, 0, self.shape.heads, -1])
        return self.node("Transpose", self.node("Reshape", x, sizes), perm=[0, 2, 1, 3], name=name)

    def joined(self, x: str) -> str:
        """Return (rows, length, width) of (rows, heads, length, width of a head)."""
        sizes = self.graph.int64("join_heads", [0, 0, -1])
        return self.node("Reshape", self.node("Transpose", x, perm=[0, 2, 1, 3]), sizes)

    def hidden(self, mask: str) -> str:
        """Return what is added to the scores, (rows, 1, 1, length): 0, or much less where `mask` is 0."""
        wide = self.node("Unsqueeze", self.node("Cast", mask, to=_FLOAT), self.graph.int64("axes", [1, 2]))
        away = self.node("Sub", self.graph.float32("one", 1.0), wide)
        return self.node("Mul", away, self.graph.float32("masked", _MASKED))

    def attended(self, queries: str, keys: str, values: str, bias: str | None) -> str:
        """Return what the queries attend to, all (rows, heads, length, width of a head)."""
        small = self.graph.float32("per_head", (self.shape.width / self.shape.heads) ** -0.5)
        turned = self.node("Transpose", keys, perm=[0, 1, 3, 2])
        scores = self.node("MatMul", self.node("Mul", queries, small), turned)
        if bias is not None:
            scores = self.node("Add", scores, bias)
        return self.node("MatMul", self.node("Softmax", scores, axis=-1), values)

    def _stored(self, name: str, matrix: Array) -> str:
        if self.precision == "float32":
            return self.graph.constant(name, matrix)
        if f"{name}.wide" not in self.graph.constants:
            rows, scales = quantize_rows(matrix)
            stored = self.graph.constant(name, rows)
            self._widened = self.node(
                "Mul",
                self.node("Cast", stored, to=_FLOAT),
                self.graph.constant(f"{name}.wide", scales[:, None]),
            )
        return self._widened

    def _stored_transposed(self, name: str) -> str:
        matrix = self.weights[name]  # (out, in)
        if self.precision == "float32":
            return self.graph.constant(name, np.ascontiguousarray(matrix.T))
        rows, scales = quantize_rows(matrix)
        stored = self.graph.constant(name, np.ascontiguousarray(rows.T))
        return self.node("Mul", self.node("Cast", stored, to=_FLOAT), self.graph.constant(f"{name}.scale", scales))


def encoder_graph(shape: TranslatorShape, weights: Mapping[str, Array], precision: Precision) -> onnx.ModelProto:
    """Return pieces, mask (rows, length) -> keys.N, values.N (rows, heads, length, width of a head)."""
    blocks = _Blocks(shape, weights, precision)
    node, graph = blocks.node, blocks.graph
    length = node("Shape", "pieces", start=1, end=2)
    x = blocks.embedded("pieces", graph.int64("zero", [0]), length)
    bias = blocks.hidden("mask")
    for layer in range(shape.encoder):
        name = f"model.encoder.layers.{layer}"
        x = blocks.part(x, f"{name}.self_attn_layer_norm", partial(blocks.reads_itself, f"{name}.self_attn", bias))
        x = blocks.part(x, f"{name}.final_layer_norm", partial(blocks.ffn, name))
    if shape.norms_first:
        x = blocks.norm("model.encoder.layer_norm", x)
    outputs = []
    for layer in range(shape.decoder):
        for part, kind in (("k", "keys"), ("v", "values")):
            found = blocks.linear(f"model.decoder.layers.{layer}.encoder_attn.{part}_proj", x)
            outputs.append(blocks.heads(found, name=f"{kind}.{layer}"))
    sizes = ["rows", shape.heads, "length", shape.width // shape.heads]
    return graph.model(
        "encoder",
        [helper.make_tensor_value_info(name, _INT64, ["rows", "length"]) for name in ("pieces", "mask")],
        [helper.make_tensor_value_info(name, _FLOAT, sizes) for name in outputs],
    )


def decoder_graph(shape: TranslatorShape, weights: Mapping[str, Array], precision: Precision) -> onnx.ModelProto:
    """Return pieces (rows, 1), place (1), mask, keys.N, values.N and past_ keys and values -> logits, new_ ones."""
    blocks = _Blocks(shape, weights, precision)
    node, graph = blocks.node, blocks.graph
    x = blocks.embedded("pieces", "place", node("Add", "place", graph.int64("next", [1])))
    bias = blocks.hidden("mask")
    for layer in range(shape.decoder):
        name = f"model.decoder.layers.{layer}"
        x = blocks.part(x, f"{name}.self_attn_layer_norm", partial(blocks.goes_on, layer))
        x = blocks.part(x, f"{name}.encoder_attn_layer_norm", partial(blocks.reads_source, layer, bias))
        x = blocks.part(x, f"{name}.final_layer_norm", partial(blocks.ffn, name))
    if shape.norms_first:
        x = blocks.norm("model.decoder.layer_norm", x)
    blocks.logits(node("Squeeze", x, graph.int64("axis1", [1])))
    return graph.model("decoder", *_decoder_ends(shape, pieces=len(weights[WORDS])))


def _decoder_ends(
    shape: TranslatorShape, *, pieces: int
) -> tuple[list[onnx.ValueInfoProto], list[onnx.ValueInfoProto]]:
    def cached(name: str, length: str) -> onnx.ValueInfoProto:
        sizes = ["rows", shape.heads, length, shape.width // shape.heads]
        return helper.make_tensor_value_info(name, _FLOAT, sizes)

    layers = range(shape.decoder)
    inputs = [
        helper.make_tensor_value_info("pieces", _INT64, ["rows", 1]),
        helper.make_tensor_value_info("place", _INT64, [1]),
        helper.make_tensor_value_info("mask", _INT64, ["rows", "length"]),
        *(cached(f"{kind}.{layer}", "length") for layer in layers for kind in ("keys", "values")),
        *(cached(f"past_{kind}.{layer}", "past") for layer in layers for kind in ("keys", "values")),
    ]
    outputs = [
        helper.make_tensor_value_info("logits", _FLOAT, ["rows", pieces]),
        *(cached(f"new_{kind}.{layer}", "written") for layer in layers for kind in ("keys", "values")),
    ]
    return inputs, outputs
