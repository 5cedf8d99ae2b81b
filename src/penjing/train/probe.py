"""A head that knows something before fine-tuning: logistic regression on what the pretrained encoder says of texts.

Where there is time for a few steps only, most of them would go into a head that starts from chance. Source: Kumar et
al. 2022, "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution" (probe, then fine-tune).
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from penjing.train.batches import Tokens
from penjing.train.device import Device
from penjing.train.encoder import Encoder
from penjing.train.logistic import fit_logistic
from penjing.train.predict import answers_of

_CHUNK = 64
_MOST_TEXTS = 4096
_STRENGTH = 0.1  # inverse regularisation, on features of mean 0 and variance 1
_SURE = 2.0  # below the least bias for a label that no text of the probe has, above the largest for one that all have
_LEAST_SPREAD = 0.1  # of a feature, as a share of the median one: what hardly varies gets no large weight


def probe_head(
    model: Encoder,
    tokens: Tokens,
    truth: NDArray[Any],
    *,
    multi_label: bool,
    device: Device,
    time_limit_s: float,
    seed: int,
) -> int:
    """Set the head of `model` from as many texts as there is time for; return how many that were.

    Where these have one label only, the head stays as it is.
    """
    started = time.monotonic()
    order = np.random.default_rng(seed).permutation(len(tokens))[:_MOST_TEXTS]
    pooled: list[NDArray[np.float32]] = []
    for start in range(0, len(order), _CHUNK):
        said = answers_of(model, tokens.take(order[start : start + _CHUNK]), device=device)
        pooled.append(said.pooled.float().numpy())
        spent = time.monotonic() - started
        if spent + spent / len(pooled) > time_limit_s:
            break
    features = np.concatenate(pooled)
    _set_head(model, features, truth[order[: len(features)]], multi_label=multi_label)
    return len(features)


def _set_head(model: Encoder, features: NDArray[np.float32], truth: NDArray[Any], *, multi_label: bool) -> None:
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.maximum(spread, _LEAST_SPREAD * np.median(spread) + 1e-6)
    seen = np.flatnonzero((truth.any(axis=0) & ~truth.all(axis=0)) if multi_label else np.bincount(truth))
    if len(seen) < (1 if multi_label else 2):
        return
    wanted = truth[:, seen] if multi_label else truth
    found, offset = fit_logistic((features - mean) / spread, wanted, strength=_STRENGTH, multi_label=multi_label)
    if not multi_label and len(seen) == 2:
        found = (np.concatenate([-found, found]) / 2).astype(np.float32)
        offset = (np.concatenate([-offset, offset]) / 2).astype(np.float32)
    weight = np.zeros((model.shape.labels, features.shape[1]), np.float32)
    bias = np.full(model.shape.labels, offset.min() - _SURE, np.float32)
    if multi_label:
        bias[truth.all(axis=0)] = offset.max() + _SURE
    weight[seen] = found / spread
    bias[seen] = offset - weight[seen] @ mean
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(weight))
        model.head.bias.copy_(torch.from_numpy(bias))
