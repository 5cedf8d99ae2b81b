"""The linear baseline: hashed character and word n-grams and logistic regression.

It answers the first question of every task: does this one need a transformer at all? Source of the method:
Wang and Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification".
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from penjing.engines.ngrams import NgramEncoder
from penjing.measure.metrics import score
from penjing.spec import Metric
from penjing.tasks.classify import decisions

_STRENGTHS = (1.0, 4.0, 16.0, 64.0)  # inverse regularisation; the best on dev is taken
_MOST_ITERATIONS = 300

Split = tuple[Sequence[str], NDArray[Any]]


@dataclass(frozen=True)
class Linear:
    """A trained linear model: its file, and what the manifest says of it."""

    file: Path
    input: dict[str, Any]
    values: dict[str, Any]
    parameters: int
    train_s: float


def train_linear(
    texts: Sequence[str],
    truth: NDArray[Any],
    *,
    dev: Split,
    multi_label: bool,
    metric: Metric,
    folder: Path,
) -> Linear:
    """Write model.safetensors into `folder` and return what it is; the regularisation is chosen on dev."""
    started = time.monotonic()
    encoder = NgramEncoder()
    features, held_out = _matrix(encoder, texts), _matrix(encoder, dev[0])
    rarity = _rarity(features)
    weighted = features.multiply(rarity).tocsr()
    fitted = []
    for strength in _STRENGTHS:
        weights, bias = _fit(weighted, truth, strength, multi_label=multi_label)
        weights = weights * rarity
        predicted = decisions(_expanded(held_out @ weights.T + bias), multi_label=multi_label)
        fitted.append((score(metric, dev[1], predicted), strength, weights, bias))
    best, strength, weights, bias = max(fitted, key=lambda found: found[0])
    file = folder / "model.safetensors"
    save_file({"weight": weights.astype(np.float16), "bias": bias.astype(np.float32)}, file)
    return Linear(
        file=file,
        input={"type": "ngrams", **encoder.settings()},
        values={"C": strength, "dev": round(best, 4)},
        parameters=int(np.count_nonzero(weights)) + len(bias),
        train_s=time.monotonic() - started,
    )


def _matrix(encoder: NgramEncoder, texts: Sequence[str]) -> csr_matrix:
    batch = encoder.encode(texts)
    shape = (len(texts), encoder.buckets)
    return csr_matrix((batch["values"], batch["indices"], batch["indptr"]), shape=shape)


def _rarity(features: csr_matrix) -> NDArray[np.float32]:
    """Return the inverse document frequency of every bucket; it is multiplied into the weights in the end."""
    documents = np.asarray((features > 0).sum(axis=0)).ravel()
    return np.asarray(np.log((1 + features.shape[0]) / (1 + documents)) + 1, np.float32)


def _fit(
    features: csr_matrix, truth: NDArray[Any], strength: float, *, multi_label: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    model = LogisticRegression(C=strength, max_iter=_MOST_ITERATIONS)
    if not multi_label:
        model.fit(features, truth)
        return model.coef_.astype(np.float32), model.intercept_.astype(np.float32)
    each = OneVsRestClassifier(model).fit(features, truth)
    parts = [(found.coef_[0], found.intercept_[0]) for found in each.estimators_]
    return np.stack([w for w, _ in parts]).astype(np.float32), np.array([b for _, b in parts], np.float32)


def _expanded(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return two columns where binary logistic regression has one."""
    return logits if logits.shape[1] > 1 else np.concatenate([np.zeros_like(logits), logits], axis=1)
