"""A head that starts from a linear probe: logistic regression on what the pretrained encoder says of the texts.

Where examples are few, a head that starts from chance moves the encoder before it knows where to.

Source: Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from penjing.train.batches import Tokens
from penjing.train.device import Device
from penjing.train.encoder import Encoder
from penjing.train.predict import answers_of

_STRENGTH = 10.0  # inverse regularisation, for features of mean length 1
_MOST_ITERATIONS = 500


def probed(model: Encoder, tokens: Tokens, truth: NDArray[Any], *, multi_label: bool, device: Device) -> Encoder:
    """Return `model` with the head that answers `truth` best from what the encoder says of `tokens`."""
    states = answers_of(model, tokens, device=device).pooled.float().numpy()
    length = float(np.linalg.norm(states, axis=1).mean())
    probe = LogisticRegression(C=_STRENGTH, max_iter=_MOST_ITERATIONS)
    columns = truth.T if multi_label else [truth]
    fitted = [_fit(probe, states / length, column) for column in columns]
    weight, bias = (np.concatenate(parts) for parts in zip(*fitted, strict=True))
    if not multi_label and len(weight) == 1:  # two labels
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(weight / length))
        model.head.bias.copy_(torch.from_numpy(bias))
    return model


def _fit(
    probe: LogisticRegression, states: NDArray[np.floating[Any]], truth: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weights and biases, one row for two classes; zeros for a label that all texts have, or none."""
    if len(np.unique(truth)) < 2:
        return np.zeros((1, states.shape[1])), np.zeros(1)
    probe.fit(states, truth)
    return probe.coef_, probe.intercept_
