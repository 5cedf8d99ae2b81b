"""The layers of an ONNX graph that may be float32 or int8: linear ones, and the normalization between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from penjing.export.integers import LARGEST_WEIGHT, quantize_rows
from penjing.export.nodes import Array, Nodes

Embeddings = Literal["float32", "int8", "int4"]


@dataclass(frozen=True, slots=True)
class ActivationRange:
    """The scale and zero point of one tensor of activations in uint8."""

    scale: float
    zero_point: int


@dataclass(frozen=True)
class Int4Weight:
    """A weight (out, in) as whole numbers from -7 to 7, and a scale for each group of the inputs."""

    values: NDArray[np.int8]
    scales: NDArray[np.float16]


@dataclass(frozen=True)
class Precision:
    """Which linear layers are int8 or int4, and how word embeddings are stored.

    In int8 inputs are rounded too; their ranges are given by the layer's name. In int4 weights alone are.
    """

    linear: Mapping[str, ActivationRange] = field(default_factory=dict)
    embeddings: Embeddings = "float32"
    int4: Mapping[str, Int4Weight] = field(default_factory=dict)


FLOAT32 = Precision()


class Layers:
    """Appends layers to a graph, with weights by name as a state dictionary has them."""

    def __init__(self, nodes: Nodes, weights: Mapping[str, Array], precision: Precision) -> None:
        self.nodes, self.weights, self.precision = nodes, weights, precision
        self._node, self._constant = nodes.node, nodes.constant

    def linear(self, name: str, x: str, *, output: str | None = None) -> str:
        """Append a product and a bias; return the output's name."""
        return self._node("Add", self.product(name, x), self.weight(f"{name}.bias"), name=output)

    def product(self, name: str, x: str) -> str:
        """Append the product of `x` and a weight, in the precision that was settled for it."""
        if name in self.precision.int4:
            return self._int4_product(name, x, self.precision.int4[name])
        weight = np.ascontiguousarray(self.weights[f"{name}.weight"].T)  # (in, out)
        activation = self.precision.linear.get(name)
        if activation is None:
            return self._node("MatMul", x, self._constant(f"{name}.weight", weight))
        return self._int8_product(name, x, weight, activation)

    def _int8_product(self, name: str, x: str, weight: Array, activation: ActivationRange) -> str:
        columns, scales = quantize_rows(weight.T, largest=LARGEST_WEIGHT)
        x_params = (
            self._constant(f"{name}.x_scale", np.float32(activation.scale)),
            self._constant(f"{name}.x_zero", np.uint8(activation.zero_point)),
        )
        rounded = self._node("DequantizeLinear", self._node("QuantizeLinear", x, *x_params), *x_params)
        weight_scale = self._constant(f"{name}.w_scale", scales)
        weight_zero = self._constant(f"{name}.w_zero", np.zeros(len(scales), np.int8))
        stored = self._constant(f"{name}.weight", np.ascontiguousarray(columns.T))
        wide = self._node("DequantizeLinear", stored, weight_scale, weight_zero, axis=1)
        return self._node("MatMul", rounded, wide)

    def _int4_product(self, name: str, x: str, weight: Int4Weight) -> str:
        """Append the product with a weight whose groups have scales in float16: onnxruntime runs it as one operator."""
        stored = self.nodes.int4(f"{name}.int4", np.ascontiguousarray(weight.values.T))
        scales = self._constant(f"{name}.scales", np.ascontiguousarray(weight.scales.T))
        wide = self._node("Cast", scales, to=TensorProto.FLOAT)
        group = weight.values.shape[1] // weight.scales.shape[1]
        return self._node("MatMul", x, self._node("DequantizeLinear", stored, wide, axis=0, block_size=group))

    def norm(self, name: str, x: str, *, epsilon: float) -> str:
        """Append a layer normalization."""
        scale, shift = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self._node("LayerNormalization", x, scale, shift, axis=-1, epsilon=epsilon)

    def positions(self) -> str:
        """Return the name of the positions, in int8 with one scale a column where the precision says so."""
        if self.precision.embeddings == "float32":
            return self.weight("positions")
        columns, scales = quantize_rows(self.weights["positions"].T)
        stored = self._constant("positions.int8", np.ascontiguousarray(columns.T))
        wide = self._node("Cast", stored, to=TensorProto.FLOAT)
        return self._node("Mul", wide, self._constant("positions.scale", scales))

    def table(self, name: str) -> str:
        """Return the name of a table whose rows are gathered, in int8 with one scale a row where the precision says so.

        The rows are widened after they were gathered, where onnxruntime does both at once.
        """
        if self.precision.embeddings == "float32":
            return self.weight(name)
        rows, scales = quantize_rows(self.weights[name])
        stored = self._constant(f"{name}.int8", rows)
        zeros = self._constant(f"{name}.zero", np.zeros(len(scales), np.int8))
        return self._node("DequantizeLinear", stored, self._constant(f"{name}.scale", scales), zeros, axis=0)

    def weight(self, name: str) -> str:
        """Return the name of a constant with the weight `name`."""
        return self._constant(name, self.weights[name])
