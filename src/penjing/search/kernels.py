"""How fast this machine multiplies matrices of 16 and 8 bits, which plans take into account."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from penjing.measure.compute import WIDTH, Compute, best_of, measure_compute
from penjing.measure.machine import keep, kept_file


def measure_kernels(cache: Path) -> Compute:
    """Return how fast this machine is, products of bfloat16 and int8 too where torch and onnx are there; keep it.

    Raises:
        StorageError: the disk is full or not writable.
    """
    found = measure_compute().model_copy(update={"bfloat16": _bfloat16(), "int8": _int8()})
    keep(kept_file(cache, "compute"), found)
    return found


def _bfloat16() -> float | None:
    try:
        import torch
    except ImportError:
        return None
    left = torch.ones(WIDTH, WIDTH, dtype=torch.bfloat16)
    result = torch.empty_like(left)
    return 2.0 * WIDTH**3 / best_of(lambda: torch.mm(left, left, out=result))


def _int8() -> float | None:
    """Time an integer product as quantized models have it: bytes without a sign by bytes with one."""
    try:
        import onnx
        import onnxruntime
    except ImportError:
        return None
    helper, shape = onnx.helper, [WIDTH, WIDTH]
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["left", "right"], ["product"])], "product",
        [helper.make_tensor_value_info("left", onnx.TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("product", onnx.TensorProto.INT32, shape)],
        [onnx.numpy_helper.from_array(np.ones(shape, np.int8), "right")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    left = {"left": np.ones(shape, np.uint8)}
    return 2.0 * WIDTH**3 / best_of(lambda: session.run(None, left))
