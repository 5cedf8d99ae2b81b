"""Matrices as small integers with scales: int8 by row, int4 by group of columns, two values a byte.

Int8 weights of linear layers stay within 64: processors without VNNI add two products of uint8 and int8 in 16 bits,
and 2 x 255 x 64 is the most that fits. So a bundle answers the same on AVX2 as on AVX-512.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
LARGEST_WEIGHT = 64
INT4_ZERO = 8
INT4_GROUP = 32
"""So many columns share a scale, or fewer where they are no multiple of it."""
_CLIPS = np.linspace(0.7, 1.0, 7)


def quantize_rows(matrix: Array, *, largest: int = 127) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return int8 values of at most `largest` and one symmetric scale a row: row ~ values * scale."""
    scales = np.maximum(np.abs(matrix).max(axis=1) / largest, 1e-12).astype(np.float32)
    return np.clip(np.rint(matrix / scales[:, None]), -largest, largest).astype(np.int8), scales


def quantize_pairs(matrix: Array) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Return int4 values, two a byte, and one symmetric scale a group of columns.

    Column j is in the low bits of byte j, column j + columns / 2 in its high bits; 8 stands for zero. Of some
    clipping limits each group has the one with the least squared error. The number of columns is even.

    >>> quantize_pairs(np.array([[7.0, -7.0]], np.float32))[0]
    array([[31]], dtype=uint8)
    """
    rows, columns = matrix.shape
    width = max(group for group in range(1, INT4_GROUP + 1) if columns % group == 0)
    groups = matrix.astype(np.float32).reshape(rows, -1, width)
    largest = np.abs(groups).max(axis=2, keepdims=True)
    best = np.full(largest.shape, np.inf, np.float32)
    scales = np.zeros(largest.shape, np.float16)
    for ratio in _CLIPS:
        tried = np.maximum(largest * ratio / 7, 1e-7).astype(np.float16)
        error = np.square(_int4(groups, tried) * tried.astype(np.float32) - groups).sum(axis=2, keepdims=True)
        scales = np.where(error < best, tried, scales)
        best = np.minimum(error, best)
    stored = (_int4(groups, scales) + INT4_ZERO).astype(np.uint8).reshape(rows, columns)
    low, high = stored[:, : columns // 2], stored[:, columns // 2 :]
    return (low | (high << np.uint8(4))).astype(np.uint8), scales[:, :, 0]


def restore_rows(values: NDArray[np.int8], scales: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the matrix that `quantize_rows` stored.

    >>> restore_rows(*quantize_rows(np.array([[127.0, -1.0]], np.float32)))
    array([[127.,  -1.]], dtype=float32)
    """
    return values.astype(np.float32) * scales[:, None]


def restore_pairs(pairs: NDArray[np.uint8], scales: NDArray[np.float16]) -> NDArray[np.float32]:
    """Return the matrix that `quantize_pairs` stored.

    >>> restore_pairs(*quantize_pairs(np.array([[7.0, -7.0]], np.float32)))
    array([[ 7., -7.]], dtype=float32)
    """
    values = pair_values(pairs).astype(np.float32)
    return values * scales.astype(np.float32).repeat(values.shape[1] // scales.shape[1], axis=1)


def pair_values(pairs: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Return the whole numbers that `quantize_pairs` stored two a byte: (rows, columns), from -7 to 7."""
    return np.concatenate([pairs & 15, pairs >> 4], axis=1).astype(np.int8) - np.int8(INT4_ZERO)


def _int4(groups: Array, scales: NDArray[np.float16]) -> Array:
    return np.clip(np.rint(groups / scales.astype(np.float32)), -7, 7)
