import numpy as np
import pytest
from scipy.stats import binomtest

from penjing.errors import DataError
from penjing.measure.intervals import median_interval, quality, wilson
from penjing.measure.metrics import score
from tests.measure.answers import classifier


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (5, 5), (90, 100), (1613, 1821)])
def test_wilson_is_that_of_scipy(successes, n):
    expected = binomtest(successes, n).proportion_ci(method="wilson")
    found = wilson(successes, n)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "mcc"])
def test_quality_has_its_interval_and_repeats_with_the_seed(metric):
    truth, predicted = classifier(500, accuracy=0.9, seed=1, labels=3)
    found = quality(metric, truth, predicted, split="dev", seed=4)
    assert found == quality(metric, truth, predicted, split="dev", seed=4)
    assert (found.metric, found.n, found.split) == (metric, 500, "dev")
    assert found.value == score(metric, truth, predicted)
    assert found.ci.low < found.value < found.ci.high
    assert 0.03 < found.ci.high - found.ci.low < 0.1


def test_the_bootstrap_interval_holds_the_true_value_about_95_times_of_100():
    held = 0
    for seed in range(100):
        truth, predicted = classifier(300, accuracy=0.8, seed=seed)
        found = quality("mcc", truth, predicted, split="dev", seed=seed)
        held += found.ci.low <= 0.6 <= found.ci.high
    assert 88 <= held <= 100


def test_quality_of_nothing_is_an_error():
    none = np.array([], np.int64)
    with pytest.raises(DataError, match="no examples to measure on: 'dev'"):
        quality("accuracy", none, none, split="dev", seed=0)


def block_values(generator, *, blocks, spread):
    """Timings that share what happened to their block."""
    return [generator.normal(1 + shift, 0.05, size=30) for shift in generator.normal(0, spread, size=blocks)]


def test_median_interval_of_independent_values_is_narrow_and_holds_the_median():
    held, widths = 0, []
    for seed in range(60):
        found = median_interval(block_values(np.random.default_rng(seed), blocks=8, spread=0), seed=seed)
        held += found.low <= 1 <= found.high
        widths.append(found.high - found.low)
    assert held >= 52
    assert np.mean(widths) < 0.04


def test_median_interval_is_wide_where_blocks_differ():
    held = 0
    for seed in range(60):
        found = median_interval(block_values(np.random.default_rng(seed), blocks=8, spread=0.3), seed=seed)
        held += found.low <= 1 <= found.high
    assert held >= 46  # eight blocks say less than 240 independent values would


def test_median_interval_takes_blocks_of_unequal_length():
    found = median_interval([[1.0], [2.0, 3.0, 4.0]], seed=0)
    assert 1.0 <= found.low <= found.high <= 4.0
    assert median_interval([[2.0, 2.0]], seed=0).low == 2.0
