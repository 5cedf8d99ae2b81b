"""Checks of the exercise on quantization."""

import numpy as np


def _matrix():
    generator = np.random.default_rng(2)
    return generator.standard_normal((6, 32)) * np.array([[0.01], [1], [100], [3], [0.5], [7]])


def check_types(learner):
    """values are int8, with one scale a row"""
    values, scales = learner.quantize(_matrix())
    assert values.dtype == np.int8, f"the values are {values.dtype}, not int8"
    assert np.shape(scales) == (6,), f"the scales have the shape {np.shape(scales)}, not (6,)"
    assert np.abs(values.astype(int)).max() <= 127, "-128 has no counterpart: stay within -127 and 127"


def check_error(learner):
    """no value is off by more than half a step"""
    matrix = _matrix()
    values, scales = learner.quantize(matrix)
    error = np.abs(values * np.asarray(scales)[:, None] - matrix)
    step = np.abs(matrix).max(1) / 127
    assert (error <= 0.5001 * step[:, None]).all(), (
        "some value is off by more than half a step: a scale a row, and round"
    )


def check_zeros(learner):
    """a row of zeros stays zero"""
    matrix = _matrix()
    matrix[2] = 0
    try:
        with np.errstate(divide="raise", invalid="raise"):
            values, scales = learner.quantize(matrix)
    except FloatingPointError:
        raise AssertionError("a row of zeros has no largest value: do not divide by 0") from None
    assert np.isfinite(scales).all(), "the scale of a row of zeros is no number: do not divide by 0"
    assert not values[2].any(), "a row of zeros became something else"


def check_product(learner):
    """the product is about the same"""
    matrix, x = _matrix(), np.random.default_rng(3).standard_normal(32)
    found = np.asarray(learner.product(*learner.quantize(matrix), x))
    assert found.shape == (6,), f"the shape is {found.shape}, not (6,)"
    expected = matrix @ x
    far = np.abs(found - expected) / np.abs(matrix).max(1)
    assert (far < 0.1).all(), "the product is far from matrix @ x: int8 overflows, so sum in a wider type, then scale"
