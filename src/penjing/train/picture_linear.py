"""The baseline for pictures: logistic regression on coarse pixels.

Where a linear model meets the bar, nobody needs a Transformer.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from penjing.train.pictures import Pictures

_MOST_SIDE = 16  # coarse pixels a side
_MOST_PICTURES, _AT_ONCE, _ROUNDS = 20_000, 1_000, 100


@dataclass(frozen=True)
class PictureLinear:
    """Weights (labels, values) and biases for coarse pixels of 0 to 255, each the mean of `step` x `step`."""

    weights: NDArray[np.float32]
    biases: NDArray[np.float32]
    step: int

    @property
    def parameters(self) -> int:
        """The number of weights."""
        return self.weights.size + self.biases.size


def train_picture_linear(pictures: Pictures, *, seed: int) -> PictureLinear:
    """Return the baseline, trained on at most 20,000 of the pictures."""
    rows = np.random.default_rng(seed).permutation(len(pictures))[:_MOST_PICTURES]
    step = coarse_step(*pictures.pixels.shape[1:3])
    ordered = np.sort(rows)
    chunks = [ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE)]
    values = np.concatenate([coarse(pictures.pixels[chunk], step).reshape(len(chunk), -1) for chunk in chunks])
    centre, spread = values.mean(axis=0), max(1.0, float(values.std()))
    model = LogisticRegression(max_iter=_ROUNDS, C=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a baseline may stop where it is
        model.fit((values - centre) / spread, pictures.truth[ordered])
    weights, biases = _both_labels(model.coef_, model.intercept_)
    weights = weights / spread
    return PictureLinear(weights.astype(np.float32), (biases - weights @ centre).astype(np.float32), step)


def _both_labels(weights: NDArray[np.float64], biases: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return a row a label; of two labels the library keeps the second's alone."""
    if len(biases) > 1:
        return weights, biases
    return np.concatenate([-weights, weights]) / 2, np.concatenate([-biases, biases]) / 2


def coarse_step(rows: int, columns: int) -> int:
    """Return how many pixels a side become one: 1 where no square of them fits both sides.

    >>> coarse_step(28, 28), coarse_step(64, 64), coarse_step(80, 100), coarse_step(80, 97)
    (2, 4, 5, 1)
    """
    common = math.gcd(rows, columns)
    steps = (step for step in range(1, common + 1) if common % step == 0 and rows // step <= _MOST_SIDE)
    return next(steps, common)


def coarse(pixels: NDArray[np.uint8], step: int) -> NDArray[np.float32]:
    """Return the means of squares of `step` x `step` pixels: (pictures, rows, columns, channels)."""
    count, rows, columns, channels = pixels.shape
    grid = pixels.reshape(count, rows // step, step, columns // step, step, channels)
    return np.asarray(grid.mean(axis=(2, 4), dtype=np.float32))
