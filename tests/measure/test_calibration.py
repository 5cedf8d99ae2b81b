import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax
from scipy.special import softmax as scipy_softmax

from penjing.measure.calibration import (
    abstention,
    calibration_error,
    fit_temperature,
    reliability,
    sigmoid,
    softmax,
)


def drawn(*, sharpness, n=3000, labels=3, seed=0):
    """Logits whose truth was drawn from them, then made `sharpness` times too sure."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(n, labels)) * 2
    truth = np.array([generator.choice(labels, p=row) for row in scipy_softmax(logits, axis=1)])
    return (logits * sharpness).astype(np.float32), truth


def test_softmax_and_sigmoid_are_those_of_scipy_and_do_not_overflow():
    logits = np.array([[1000.0, 0.0, -1000.0], [0.1, 0.2, 0.3]])
    assert softmax(logits) == pytest.approx(scipy_softmax(logits, axis=1))
    assert sigmoid(logits) == pytest.approx(expit(logits))


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_too_much_confidence(sharpness):
    logits, truth = drawn(sharpness=sharpness)
    found = fit_temperature(logits, truth)
    assert found == pytest.approx(sharpness, rel=0.1)
    best = minimize_scalar(
        lambda t: -log_softmax(logits / t, axis=1)[np.arange(len(truth)), truth].mean(),
        bounds=(0.05, 20),
        method="bounded",
    )
    assert found == pytest.approx(best.x, rel=1e-3)


def test_the_calibration_error_falls_with_the_temperature():
    logits, truth = drawn(sharpness=3.0)
    right = logits.argmax(axis=1) == truth
    before = calibration_error(softmax(logits).max(axis=1), right)
    after = calibration_error(softmax(logits / fit_temperature(logits, truth)).max(axis=1), right)
    assert before > 0.1
    assert after < 0.03


def test_a_multi_label_temperature_undoes_too_much_confidence():
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(3000, 4))
    truth = generator.random((3000, 4)) < expit(logits)
    assert fit_temperature(logits * 2.5, truth) == pytest.approx(2.5, rel=0.1)


def test_the_temperature_stays_in_its_bounds_and_is_1_where_none_is_better():
    truth = np.array([0, 1] * 20)
    right = np.where(truth[:, None] == [0, 1], 1.0, -1.0)
    assert fit_temperature(right, truth) == pytest.approx(0.05, rel=1e-3)
    assert fit_temperature(-right, truth) == pytest.approx(20, rel=1e-3)
    assert fit_temperature(np.zeros((40, 2)), truth) == 1.0
    assert fit_temperature(right * 1e6, truth) == 1.0


def test_the_calibration_error_by_hand():
    confidence = np.array([0.95, 0.95, 0.65, 1.0])
    right = np.array([True, False, True, True])
    # bins of one fifteenth: {0.95, 0.95, 1.0} in the last, {0.65} alone
    assert calibration_error(confidence, right) == pytest.approx(3 / 4 * abs(2 / 3 - 2.9 / 3) + 1 / 4 * abs(1 - 0.65))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_bins_hold_every_answer_once(answers):
    confidence, right = (np.array(values) for values in zip(*answers, strict=True))
    bins = reliability(confidence, right)
    assert sum(one.n for one in bins) == len(answers)
    assert sum(one.n * one.confidence for one in bins) == pytest.approx(confidence.sum())
    assert sum(one.n * one.accuracy for one in bins) == pytest.approx(right.sum())
    assert 0 <= calibration_error(confidence, right) <= 1


def test_abstention():
    confidence, right = np.array([0.9, 0.8, 0.4, 0.5]), np.array([True, True, False, True])
    found = abstention(confidence, right, below=0.5)
    assert (found.coverage, found.accuracy) == (0.75, 1.0)
    assert abstention(confidence, right, below=0.95).accuracy is None
