"""An ONNX graph, written node by node: nodes in the order of the computation, and the constants they use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Array = NDArray[Any]
OPSET = 23
IR_VERSION = 11


class Nodes:
    """Collects nodes and constants, each constant once, by its name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def node(self, op: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Append a node with one output and return the output's name."""
        return self.many(op, inputs, [name or f"{op.lower()}_{len(self.nodes)}"], **attributes)[0]

    def many(
        self, op: str, inputs: Sequence[str], outputs: Sequence[str], *, name: str | None = None, **attributes: Any
    ) -> list[str]:
        """Append a node with these outputs and return their names."""
        called = name or f"n_{outputs[0]}"
        self.nodes.append(helper.make_node(op, list(inputs), list(outputs), name=called, **attributes))
        return list(outputs)

    def constant(self, name: str, value: Array | np.generic) -> str:
        """Return the name of a constant, which is stored where it is new."""
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def int4(self, name: str, values: NDArray[np.int8]) -> str:
        """Return the name of a constant of whole numbers from -8 to 7, two a byte."""
        if name not in self.constants:
            flat = np.append(values.ravel(), np.zeros(values.size % 2, np.int8)).astype(np.uint8) & 15
            packed = (flat[::2] | flat[1::2] << np.uint8(4)).tobytes()
            self.constants[name] = helper.make_tensor(name, TensorProto.INT4, values.shape, packed, raw=True)
        return name

    def float32(self, name: str, value: float) -> str:
        """Return the name of a constant number."""
        return self.constant(name, np.float32(value))

    def int64(self, name: str, value: int | Sequence[int]) -> str:
        """Return the name of a constant whole number, or of a row of them."""
        return self.constant(name, np.array(value, np.int64))

    def model(
        self, name: str, inputs: Sequence[onnx.ValueInfoProto], outputs: Sequence[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """Return the model of all nodes."""
        graph = helper.make_graph(self.nodes, name, list(inputs), list(outputs), list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="penjing")
        model.ir_version = IR_VERSION
        return model
