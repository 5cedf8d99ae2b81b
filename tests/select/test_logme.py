"""The evidence against its definition, and what it is for: features that know the labels score higher."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from penjing.select.logme import logme


def evidence(features: np.ndarray, target: np.ndarray, alpha: float, beta: float) -> float:
    """Return the log density of `target`, a text, where weights have precision alpha and noise has beta."""
    covariance = np.eye(len(target)) / beta + features @ features.T / alpha
    _, determinant = np.linalg.slogdet(covariance)
    quadratic = target @ np.linalg.solve(covariance, target)
    return float(-0.5 * (determinant + quadratic + len(target) * np.log(2 * np.pi))) / len(target)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(12, 40), width=st.integers(2, 60))
def test_it_is_the_greatest_evidence_that_there_is(seed: int, n: int, width: int) -> None:
    chance = np.random.default_rng(seed)
    features = chance.normal(size=(n, width))
    truth = (features[:, 0] + chance.normal(size=n) > 0).astype(int)
    if len(np.unique(truth)) < 2:
        return
    best = []
    for label in (0, 1):
        target = (truth == label).astype(float)
        found = [
            minimize(lambda logs, t=target: -evidence(features, t, *np.exp(logs)), start, method="Nelder-Mead")
            for start in ([0.0, 0.0], [3.0, 1.0], [-2.0, 2.0])
        ]
        best.append(-min(one.fun for one in found))
    assert logme(features, truth) == pytest.approx(np.mean(best), abs=0.02)


def test_features_that_know_the_labels_score_higher() -> None:
    chance = np.random.default_rng(0)
    truth = chance.integers(0, 3, 300)
    noise = chance.normal(size=(300, 32))
    scores = [logme(noise + strength * np.eye(32)[truth], truth) for strength in (0.0, 1.0, 3.0)]
    assert scores == sorted(scores)
    assert scores[2] - scores[0] > 0.3
