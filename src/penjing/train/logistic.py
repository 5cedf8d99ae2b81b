"""Logistic regression by scikit-learn, one row of weights a label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

_MOST_ITERATIONS = 300
Floats = NDArray[np.float32]


def fit_logistic(features: Any, truth: NDArray[Any], *, strength: float, multi_label: bool) -> tuple[Floats, Floats]:
    """Return weights (rows, features) and bias (rows): a row a label that occurs, in order; one row where two do.

    `strength` is the inverse of the regularisation.
    """
    model = LogisticRegression(C=strength, max_iter=_MOST_ITERATIONS)
    if not multi_label:
        model.fit(features, truth)
        return model.coef_.astype(np.float32), model.intercept_.astype(np.float32)
    each = OneVsRestClassifier(model).fit(features, truth)
    parts = [(found.coef_[0], found.intercept_[0]) for found in each.estimators_]
    return np.stack([w for w, _ in parts]).astype(np.float32), np.array([b for _, b in parts], np.float32)
