"""The linear baseline: hashed character and word n-grams and logistic regression.

It answers the first question of every task: does this one need a transformer at all? Source of the method:
Wang and Manning 2012, "Baselines and Bigrams: Simple, Good Sentiment and Topic Classification".
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
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
_FEWEST_KEPT = 1024  # n-grams
_LEVELS = 127  # of int8

Split = tuple[Sequence[str], NDArray[Any]]


@dataclass(frozen=True)
class Linear:
    """A trained linear model: its file, and what the manifest says of it."""

    file: Path
    input: dict[str, Any]
    values: dict[str, Any]
    parameters: int
    train_s: float


@dataclass(frozen=True)
class Weights:
    """A linear model of the n-grams in some buckets: int8 times a scale a bucket."""

    buckets: NDArray[np.uint32]
    """Ascending."""
    weight: NDArray[np.int8]
    """(buckets, labels); one column is a binary model."""
    scale: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, features: csr_matrix) -> NDArray[np.float32]:
        """Return logits (texts, labels) of `features` (texts, all buckets)."""
        whole = features[:, self.buckets] @ (self.weight * self.scale[:, None]) + self.bias
        return whole if whole.shape[1] > 1 else np.concatenate([np.zeros_like(whole), whole], axis=1)


def train_linear(
    texts: Sequence[str],
    truth: NDArray[Any],
    *,
    dev: Split,
    multi_label: bool,
    metric: Metric,
    folder: Path,
) -> Linear:
    """Write model.safetensors into `folder` and return what it is.

    The regularisation is chosen on dev, and how many n-grams are kept: the fewest that score no less there.
    """
    started = time.monotonic()
    encoder = NgramEncoder()
    features, held_out = _matrix(encoder, texts), _matrix(encoder, dev[0])
    seen = np.unique(features.indices).astype(np.uint32)
    features = features[:, seen].tocsr()
    rarity = _rarity(features)

    def judged(weights: Weights) -> float:
        return score(metric, dev[1], decisions(weights.logits(held_out), multi_label=multi_label))

    weighted = features.multiply(rarity).tocsr()
    fitted = []
    for strength in _STRENGTHS:
        weights, bias = _fit(weighted, truth, strength, multi_label=multi_label)
        found = _rounded(seen, weights * rarity[:, None], bias)
        fitted.append((judged(found), strength, found))
    best, strength, found = max(fitted, key=lambda each: each[0])
    smaller = next(kept for kept in _fewer(found, features) if judged(kept) >= best)
    file = folder / "model.safetensors"
    save_file(
        {"buckets": smaller.buckets, "weight": smaller.weight, "scale": smaller.scale, "bias": smaller.bias}, file
    )
    return Linear(
        file=file,
        input={"type": "ngrams", **encoder.settings()},
        values={"C": strength, "n-grams": len(smaller.buckets), "of": len(seen), "dev": round(judged(smaller), 4)},
        parameters=smaller.weight.size + len(smaller.bias),
        train_s=time.monotonic() - started,
    )


def _matrix(encoder: NgramEncoder, texts: Sequence[str]) -> csr_matrix:
    batch = encoder.encode(texts)
    shape = (len(texts), encoder.buckets)
    return csr_matrix((batch["values"], batch["indices"], batch["indptr"]), shape=shape)


def _rarity(features: csr_matrix) -> NDArray[np.float32]:
    """Return the inverse document frequency of every column; it is multiplied into the weights in the end."""
    documents = np.asarray((features > 0).sum(axis=0)).ravel()
    return np.asarray(np.log((1 + features.shape[0]) / (1 + documents)) + 1, np.float32)


def _fit(
    features: csr_matrix, truth: NDArray[Any], strength: float, *, multi_label: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weights (columns, labels) and biases."""
    model = LogisticRegression(C=strength, max_iter=_MOST_ITERATIONS)
    if not multi_label:
        model.fit(features, truth)
        return model.coef_.T.astype(np.float32), model.intercept_.astype(np.float32)
    each = OneVsRestClassifier(model).fit(features, truth)
    parts = [(found.coef_[0], found.intercept_[0]) for found in each.estimators_]
    return np.stack([w for w, _ in parts], axis=1).astype(np.float32), np.array([b for _, b in parts], np.float32)


def _rounded(buckets: NDArray[np.uint32], weights: NDArray[np.float32], bias: NDArray[np.float32]) -> Weights:
    """Return the model in int8, each row with a scale of its own; in C order, which the file format assumes."""
    scale = np.maximum(np.abs(weights).max(axis=1) / _LEVELS, np.finfo(np.float32).tiny).astype(np.float32)
    weight = np.ascontiguousarray(np.rint(weights / scale[:, None]), np.int8)
    return Weights(buckets, weight, scale, bias)


def _fewer(weights: Weights, features: csr_matrix) -> Iterator[Weights]:
    """Yield the model with the n-grams that move logits most: the fewest first, all of them last."""
    counts = np.asarray(features.power(2).sum(axis=0)).ravel()
    strength = np.linalg.norm(weights.weight.astype(np.float32), axis=1) * weights.scale
    order = np.argsort(-strength * np.sqrt(counts), kind="stable")
    kept = _FEWEST_KEPT
    while kept < len(order):
        chosen = np.sort(order[:kept])
        yield Weights(weights.buckets[chosen], weights.weight[chosen], weights.scale[chosen], weights.bias)
        kept *= 2
    yield weights
