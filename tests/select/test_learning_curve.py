"""The curve on errors that follow a power law exactly, and on those that do not fall."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.select.learning_curve import learning_curve

TEXTS = 4000


def right_at(error: float) -> np.ndarray:
    return np.arange(TEXTS) >= round(error * TEXTS)


@settings(max_examples=30, deadline=None)
@given(first=st.floats(0.1, 0.5), power=st.floats(0.05, 0.5))
def test_a_power_law_is_continued(first: float, power: float) -> None:
    sizes = [100, 200, 400, 800]
    errors = [first * (size / 100) ** -power for size in sizes]
    found = learning_curve(sizes, [right_at(error) for error in errors], more=800)
    expected = errors[-1] - first * 16**-power
    assert found.gain == pytest.approx(expected, abs=2e-3)
    assert found.gain_ci.low - 1e-3 <= found.gain <= found.gain_ci.high + 1e-3


def test_what_does_not_fall_gains_nothing_and_never_loses() -> None:
    found = learning_curve([100, 200, 400], [right_at(error) for error in (0.1, 0.12, 0.15)], more=400)
    assert found.gain == 0.0
    assert found.gain_ci.low >= 0.0


def test_no_errors_at_all_are_no_error() -> None:
    found = learning_curve([10, 20], [right_at(0.0), right_at(0.0)], more=20)
    assert 0 <= found.gain < 1e-3


def test_one_size_is_no_curve() -> None:
    with pytest.raises(ValueError, match="two sizes"):
        learning_curve([10], [right_at(0.1)], more=10)
