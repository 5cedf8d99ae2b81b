"""Probabilities that mean what they say: temperature scaling, calibration error, and when to abstain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_LOWEST, _HIGHEST = 0.05, 20.0
_GOLDEN = (sqrt(5) - 1) / 2


def softmax(logits: Array) -> Array:
    """Return the probabilities of the labels of each row."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def sigmoid(logits: Array) -> Array:
    """Return each label's probability, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)))


def fit_temperature(logits: Array, truth: Array) -> float:
    """Return the temperature, from 0.05 to 20, at which the truth is most likely.

    It is 1 where no other is better. Boolean truth (texts, labels) is multi-label.
    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    exact = logits.astype(np.float64)
    loss = _binary_loss if truth.ndim == 2 else _loss
    best = exp(_minimum(lambda t: loss(exact / exp(t), truth), log(_LOWEST), log(_HIGHEST)))
    return best if loss(exact / best, truth) < loss(exact, truth) else 1.0


def _loss(logits: Array, truth: Array) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    chosen = shifted[np.arange(len(truth)), truth]
    return float((np.log(np.exp(shifted).sum(axis=1)) - chosen).mean())


def _binary_loss(logits: Array, truth: Array) -> float:
    return float(np.logaddexp(0, np.where(truth, -logits, logits)).mean())


def _minimum(f: Callable[[float], float], low: float, high: float) -> float:
    """Return where `f` is least, by golden-section search."""
    while high - low > 1e-5:
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        low, high = (low, right) if f(left) <= f(right) else (left, high)
    return (low + high) / 2


@dataclass(frozen=True)
class Bin:
    """The answers whose confidence lies in one of 15 equal ranges."""

    confidence: float
    accuracy: float
    n: int


def reliability(confidence: Array, right: Array, *, bins: int = 15) -> tuple[Bin, ...]:
    """Return the bins that hold answers, least confident first."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return tuple(
        Bin(float(confidence[place == b].mean()), float(right[place == b].mean()), int((place == b).sum()))
        for b in range(bins)
        if (place == b).any()
    )


def calibration_error(confidence: Array, right: Array) -> float:
    """Return the expected calibration error: the mean gap of confidence and accuracy over 15 bins.

    Source: Guo et al. 2017, equation 3, with bins of equal width.

    >>> calibration_error(np.array([0.9, 0.9]), np.array([True, False]))
    0.4
    """
    found = reliability(confidence, right)
    return sum(b.n * abs(b.accuracy - b.confidence) for b in found) / max(1, len(confidence))


@dataclass(frozen=True)
class Abstention:
    """What answering only above a threshold gives."""

    coverage: float
    accuracy: float | None
    """Of the texts answered; None where none is."""


def abstention(confidence: Array, right: Array, *, below: float) -> Abstention:
    """Return coverage and accuracy when answers less confident than `below` are withheld."""
    answered = confidence >= below
    return Abstention(float(answered.mean()), float(right[answered].mean()) if answered.any() else None)
