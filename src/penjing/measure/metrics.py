"""Metrics of classification, for one set of answers or for many resamples of it at once.

Every metric is computed from weighted unique rows, so that a bootstrap of 2,000 resamples is a few matrix
products: resampling n items with replacement is drawing multinomial counts of their unique rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.spec import Metric

Answers = NDArray[Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClassScores:
    """What one label gets."""

    precision: float
    recall: float
    f1: float
    support: int


def score(metric: Metric, truth: Answers, predicted: Answers) -> float:
    """Return the value of `metric`.

    >>> score("accuracy", np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0]))
    0.75
    """
    return float(weighted_score(metric, truth, predicted, np.ones((1, len(truth))))[0])


def weighted_score(metric: Metric, truth: Answers, predicted: Answers, weights: NDArray[Any]) -> Floats:
    """Return the metric for each row of `weights` (resamples, items).

    accuracy: the share of items whose labels are all right; macro_f1: the mean over labels that occur in
    truth or answer; mcc: Matthews' correlation in its multi-class form (Gorodkin 2004), or its mean over
    labels where the task is multi-label.
    """
    weights = np.asarray(weights, np.float64)
    if metric == "accuracy":
        return np.asarray(weights @ _right(truth, predicted) / weights.sum(axis=1))
    counts = _counts(truth, predicted, weights)
    if metric == "macro_f1":
        return _macro_f1(counts)
    return _mcc(counts, weights.sum(axis=1)) if truth.ndim == 1 else _binary_mcc(counts, weights.sum(axis=1))


@dataclass(frozen=True)
class _Counts:
    """Weighted counts (resamples, labels)."""

    hits: Floats
    true: Floats
    answered: Floats


def _counts(truth: Answers, predicted: Answers, weights: Floats) -> _Counts:
    true, answered = (_one_hot(values, truth, predicted) for values in (truth, predicted))
    return _Counts(weights @ (true & answered), weights @ true, weights @ answered)


def _one_hot(values: Answers, truth: Answers, predicted: Answers) -> NDArray[np.bool_]:
    if values.ndim == 2:
        return values.astype(bool)
    labels = np.arange(max(truth.max(initial=0), predicted.max(initial=0)) + 1)
    return np.asarray(values[:, None] == labels)


def _macro_f1(counts: _Counts) -> Floats:
    total = counts.true + counts.answered
    occurs = total > 0
    f1 = np.divide(2 * counts.hits, total, out=np.zeros_like(total), where=occurs)
    return np.asarray(f1.sum(axis=1) / np.maximum(occurs.sum(axis=1), 1))


def _mcc(counts: _Counts, total: Floats) -> Floats:
    covariance = counts.hits.sum(axis=1) * total - (counts.true * counts.answered).sum(axis=1)
    spread = (total**2 - (counts.true**2).sum(axis=1)) * (total**2 - (counts.answered**2).sum(axis=1))
    return _ratio(covariance, np.sqrt(spread))


def _binary_mcc(counts: _Counts, total: Floats) -> Floats:
    whole = total[:, None]
    covariance = counts.hits * whole - counts.true * counts.answered
    spread = counts.true * (whole - counts.true) * counts.answered * (whole - counts.answered)
    return np.asarray(_ratio(covariance, np.sqrt(spread)).mean(axis=1))


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def class_scores(truth: Answers, predicted: Answers, *, labels: int) -> tuple[ClassScores, ...]:
    """Return precision, recall, F1 and support of each label; 0 where a share has nothing to divide by."""
    if truth.ndim == 1:
        truth, predicted = (values[:, None] == np.arange(labels) for values in (truth, predicted))
    hits, true, answered = (truth & predicted).sum(0), truth.sum(0), predicted.sum(0)
    return tuple(
        ClassScores(
            precision=float(h / a) if a else 0.0,
            recall=float(h / t) if t else 0.0,
            f1=float(2 * h / (t + a)) if t + a else 0.0,
            support=int(t),
        )
        for h, t, a in zip(hits, true, answered, strict=True)
    )


def confusion(truth: Answers, predicted: Answers, *, labels: int) -> NDArray[np.int64]:
    """Return counts (true label, answered label) of a single-label task.

    >>> confusion(np.array([0, 1, 1]), np.array([0, 0, 1]), labels=2).tolist()
    [[1, 0], [1, 1]]
    """
    flat = np.bincount(truth * labels + predicted, minlength=labels * labels)
    return flat.reshape(labels, labels).astype(np.int64)


def mcnemar_p(truth: Answers, a: Answers, b: Answers) -> float:
    """Return the exact two-sided p-value of `a` and `b` being right equally often (McNemar 1947).

    >>> mcnemar_p(np.ones(6), np.ones(6), np.array([1, 0, 0, 0, 0, 0]))
    0.0625
    """
    right_a, right_b = (_right(truth, answered) for answered in (a, b))
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    n = only_a + only_b
    tail: int = sum(comb(n, k) for k in range(min(only_a, only_b) + 1))
    return min(1.0, float(2 * tail / 2**n))


def _right(truth: Answers, answered: Answers) -> NDArray[np.bool_]:
    same = np.asarray(truth == answered)
    return same if same.ndim == 1 else np.asarray(same.all(axis=1))
