"""How well frozen features explain labels: the logarithm of maximum evidence, of a Bayesian linear model a label.

It learns nothing that can be overfitted, and so is a second opinion beside a probe. Source: You et al. 2021, "LogME:
Practical Assessment of Pre-trained Models for Transfer Learning".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_MOST_ROUNDS, _CLOSE = 100, 1e-4
_TINY = 1e-12


def logme(features: NDArray[Any], truth: NDArray[Any]) -> float:
    """Return the mean over labels of the best log evidence a text; more is better.

    `features` are (texts, width), `truth` (texts,) has a label's number each.
    """
    matrix = np.asarray(features, np.float64)
    left, singular, _ = np.linalg.svd(matrix, full_matrices=False)
    labels = np.unique(truth)
    columns = [(truth == label).astype(np.float64) for label in labels]
    return float(np.mean([_evidence(left, singular**2, column, width=matrix.shape[1]) for column in columns]))


def _evidence(left: Array, squares: Array, target: Array, *, width: int) -> float:
    """Return the evidence at the precisions of weights (alpha) and noise (beta) that make it greatest."""
    n = len(target)
    along = (left.T @ target) ** 2
    beside = max(0.0, float(target @ target - along.sum()))
    alpha = beta = 1.0
    for _ in range(_MOST_ROUNDS):
        ratio = alpha / beta
        weights, errors = _lengths(squares, along, beside, ratio)
        used = float((squares / (squares + ratio)).sum())
        alpha, beta = used / (weights + _TINY), (n - used) / (errors + _TINY)
        if abs(alpha / beta - ratio) <= _CLOSE * ratio:
            break
    weights, errors = _lengths(squares, along, beside, alpha / beta)
    determinant = float(np.log(alpha + beta * squares).sum()) + (width - len(squares)) * np.log(alpha)
    total = width * np.log(alpha) + n * np.log(beta) - determinant - beta * errors - alpha * weights
    return float(total - n * np.log(2 * np.pi)) / (2 * n)


def _lengths(squares: Array, along: Array, beside: float, ratio: float) -> tuple[float, float]:
    """Return the squared lengths of the weights and of the errors, where the precisions have this ratio."""
    weights = float((squares * along / (squares + ratio) ** 2).sum())
    errors = float((along * (ratio / (squares + ratio)) ** 2).sum()) + beside
    return weights, errors
