"""Weights in the types of ggml, quantized and read back: by llama.cpp's own code, which xllamacpp's library exports.

The quantizers of the `gguf` package know neither k-quants nor the importance of columns; llama.cpp's do
(ggml/include/ggml.h: ggml_quantize_chunk), and what they write is what its users get.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.errors import MissingExtraError, ModelError
from penjing.gguf.header import BLOCKS

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_LEAST_SHARE = 1e-3  # of the mean importance
_NUMBERS = {name: number for number, (name, _, _) in BLOCKS.items()}
_BLOCK = {name: values for name, values, _ in BLOCKS.values()}
_BYTES = {name: size for name, _, size in BLOCKS.values()}


def bits_per_weight(type_name: str) -> float:
    """Return the bits that a weight of this type takes, scales included.

    >>> bits_per_weight("Q4_0"), bits_per_weight("Q8_0")
    (4.5, 8.5)
    """
    return 8 * _BYTES[type_name] / _BLOCK[type_name]


def group_size(type_name: str) -> int:
    """Return how many neighbouring weights of a row share a scale.

    >>> group_size("Q4_0"), group_size("Q4_K")
    (32, 256)
    """
    return _BLOCK[type_name]


def fits(type_name: str, columns: int) -> bool:
    """Return whether rows of so many columns can have this type.

    >>> fits("Q4_K", 640), fits("Q4_0", 640)
    (False, True)
    """
    return columns % _BLOCK[type_name] == 0


def quantize(weights: Floats, type_name: str, *, importance: Floats | None = None) -> Bytes:
    """Return `weights` (rows, columns) in the type, (rows, bytes); columns of more `importance` are rounded better.

    Raises:
        ModelError: rows of this length cannot have the type, or a weight is not finite.
        MissingExtraError: xllamacpp is not installed.
    """
    rows, columns = weights.shape
    if not fits(type_name, columns):
        raise ModelError("rows of this length cannot have this type", value=f"{columns} columns", rule=type_name)
    source = np.ascontiguousarray(weights, np.float32)
    if not np.isfinite(source).all():
        raise ModelError(
            "weights are not finite", rule="no NaN and no infinity", next_step="Lower recipe.learning_rate"
        )
    found = np.zeros((rows, columns // _BLOCK[type_name] * _BYTES[type_name]), np.uint8)
    important = None if importance is None else _at_least_some(importance, columns)
    written = _quantizer()(
        _NUMBERS[type_name],
        source.ctypes.data,
        found.ctypes.data,
        0,
        rows,
        columns,
        None if important is None else important.ctypes.data,
    )
    if written != found.nbytes:
        raise ModelError("llama.cpp quantizes otherwise", value=f"{written} bytes", rule=f"{found.nbytes}")
    return found


def _at_least_some(importance: Floats, columns: int) -> Floats:
    """Return the importance of columns, of none nothing: llama.cpp divides by what a block's columns add up to."""
    if importance.shape != (columns,):
        raise ModelError("one importance a column is needed", value=str(importance.shape), rule=f"({columns},)")
    least = max(_LEAST_SHARE * float(importance.mean()), float(np.finfo(np.float32).tiny))
    return np.ascontiguousarray(np.maximum(importance, least), np.float32)


def dequantize(data: NDArray[Any], type_name: str) -> Floats:
    """Return stored rows as float32."""
    try:
        import gguf
    except ImportError:
        raise MissingExtraError("gguf", extra="llamacpp") from None
    return np.asarray(gguf.quants.dequantize(data, gguf.GGMLQuantizationType[type_name]), np.float32)


@cache
def _quantizer() -> Callable[..., int]:
    try:
        import xllamacpp
    except ImportError:
        raise MissingExtraError("xllamacpp", extra="llamacpp") from None
    library = next(Path(xllamacpp.__file__).parent.glob("xllamacpp*.so"))
    found = ctypes.CDLL(str(library)).ggml_quantize_chunk
    found.restype = ctypes.c_size_t
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    found.argtypes = [ctypes.c_int, pointer, pointer, number, number, number, pointer]
    return found
