"""Where fine-tuning a pretrained encoder of sounds begins: with the best linear head on its features as they are.

A head that begins with zeros pulls the features about before it knows what it wants, and what the checkpoint knew of
voices that the data lacks is lost. The moments that are listened to begin with those that hold sound.

Sources: Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution" (a linear
probe first, then gentle fine-tuning); Hoerl and Kennard 1970 (ridge regression).
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from penjing.train.pictures import Pictures
from penjing.train.sound import SoundTransformer

PROBE = 1
"""Part of the key of what begins with it: raise it when it becomes another."""
_MOST, _BATCH = 4_000, 64
_RIDGE, _SHARPNESS = 1.0, 12.0  # of the moments that are listened to: silent ones weigh e^-12 as much
_STRENGTH, _ROUNDS = 0.1, 500


def begin_with_probe(model: SoundTransformer, sounds: Pictures, *, seed: int) -> None:
    """Set which moments `model` listens to, and its head, by what its features say of the sounds; in place."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(sounds))[:_MOST])
    some = sounds.take(rows)
    model.eval()
    with torch.inference_mode():
        _listen_to_sound(model, some)
        pooled = np.concatenate([model(pixels).pooled.numpy() for pixels in _batches(some)])
    weights, biases = _probe(pooled, some.truth, labels=model.shape.labels)
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(weights))
        model.head.bias.copy_(torch.from_numpy(biases))


def _batches(sounds: Pictures) -> list[Tensor]:
    starts = range(0, len(sounds), _BATCH)
    return [torch.from_numpy(np.ascontiguousarray(sounds.pixels[start : start + _BATCH])) for start in starts]


def _listen_to_sound(model: SoundTransformer, sounds: Pictures) -> None:
    """Set the weights of moments to what best tells those with sound from those without; not where all have some."""
    width = model.shape.hidden + 1
    products, answers, silent = torch.zeros(width, width), torch.zeros(width), 0
    for pixels in _batches(sounds):
        x = model.embed(pixels)
        for block in range(model.shape.layers):
            x = model.run_block(block, x)
        said = F.pad(model.norm(x).flatten(0, 1), (0, 1), value=1.0)
        there = sounding(pixels, model.shape.length).flatten()
        products += said.T @ said
        answers += said.T @ (2 * there - 1)
        silent += int((there == 0).sum())
    if silent:
        found = torch.linalg.solve(products + _RIDGE * torch.eye(width), answers) * (_SHARPNESS / 2)
        model.listen.weight.copy_(found[None, :-1])
        model.listen.bias.copy_(found[-1:])


def sounding(pixels: Tensor, length: int) -> Tensor:
    """Return 1 for places of the encoder (batch, length) that hold sound, 0 for silence that was added."""
    moments = (pixels[..., 0].amax(1) > 0).float()
    return F.max_pool1d(moments[:, None], 2, ceil_mode=True)[:, 0, :length]


def _probe(
    features: NDArray[np.float32], truth: NDArray[np.int64], *, labels: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weights (labels, hidden) and biases of logistic regression; zeros for labels that do not occur."""
    centre, spread = features.mean(0), features.std(0) + 1e-6
    model = LogisticRegression(C=_STRENGTH, max_iter=_ROUNDS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a beginning may stop where it is
        model.fit((features - centre) / spread, truth)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(intercepts) == 1:
        coefficients, intercepts = np.concatenate([-coefficients, coefficients]) / 2, np.array([-1, 1]) * intercepts / 2
    weights, biases = np.zeros((labels, features.shape[1])), np.zeros(labels)
    weights[model.classes_] = coefficients / spread
    biases[model.classes_] = intercepts - (coefficients / spread) @ centre
    return weights.astype(np.float32), biases.astype(np.float32)
