"""Weights rounded a group of columns at a time, so that the columns still to come make up for what a group lost.

Rounding to the nearest takes away whatever is smaller than half a step, such as what a short fine-tuning added. Here
the error of a group is carried on, so that the layer's outputs, on inputs with the second moments of real ones, change
the least: small additions along many columns survive as a few whole steps.
Source: Frantar et al. 2023, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers",
there for single columns; a group is what a format gives a scale of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Stored = TypeVar("Stored")

_DAMPING = 0.01  # of the mean second moment, added to each


def round_in_turn(
    weights: Floats,
    factor: Floats,
    *,
    group: int,
    quantize: Callable[[Floats, slice], Stored],
    dequantize: Callable[[Stored], Floats],
) -> list[Stored]:
    """Return the groups of columns of `weights` (rows, columns) as `quantize` stores them, one after the other.

    `factor` (columns, columns) is that of the mean products of the layer's inputs, see `inverse_factor`. `quantize` is
    given the columns of one group, as they are after what was carried on to them, and where they are.
    """
    left = weights.astype(np.float64)
    stored: list[Stored] = []
    for start in range(0, weights.shape[1], group):
        here, after = slice(start, start + group), slice(start + group, None)
        stored.append(quantize(left[:, here].astype(np.float32), here))
        lost = left[:, here] - dequantize(stored[-1])
        left[:, after] -= np.linalg.solve(factor[here, here].T, lost.T).T @ factor[here, after]
    return stored


def inverse_factor(moments: Floats) -> Floats:
    """Return the upper triangle U with U.T @ U the inverse of the damped `moments` (columns, columns).

    >>> inverse_factor(np.eye(2, dtype=np.float32) / 1.01).round(6).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    damped = moments.astype(np.float64)
    mean = float(np.trace(damped)) / len(damped)
    damped[np.diag_indices_from(damped)] += max(_DAMPING * mean, float(np.finfo(np.float32).tiny))
    return np.linalg.cholesky(np.linalg.inv(damped)).T.astype(np.float32)
