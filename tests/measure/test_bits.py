"""Bits per byte: of all passages together, with verdicts that know that less is better."""

from math import log

import numpy as np
import pytest

from penjing.measure.bits import Surprise
from penjing.measure.scored import judge_scored, scored_quality
from penjing.spec import Bar

BAR = Bar(metric="bits_per_byte", drop_at_most="2%")


def surprise(bits, *, n=40, seed=0):
    n_bytes = np.random.default_rng(seed).integers(100, 400, n).astype(float)
    noise = np.random.default_rng(1).normal(1.0, 0.1, n)
    return Surprise(n_bytes * bits * log(2) * noise, n_bytes).scored


def test_the_interval_holds_the_value():
    found = scored_quality(surprise(1.2), split="dev", seed=0)
    assert found.ci.low < found.value < found.ci.high
    assert found.gain == -found.value


@pytest.mark.parametrize(("bits", "word"), [(1.01, "met"), (0.9, "met"), (1.05, "not met")])
def test_a_rise_within_the_bar_passes(bits, word):
    verdict = judge_scored(BAR, surprise(bits), surprise(1.0), split="dev", seed=0)
    assert verdict.word == word
    assert verdict.drop == pytest.approx(surprise(bits).value - surprise(1.0).value)


def test_an_absolute_bar_needs_no_teacher():
    bar = Bar(metric="bits_per_byte", at_most=1.1, drop_at_most=None)
    assert judge_scored(bar, surprise(1.0), None, split="dev", seed=0).word == "met"
    assert judge_scored(bar, surprise(1.2), None, split="dev", seed=0).word == "not met"


@pytest.mark.parametrize("values", [{"metric": "bits_per_byte", "at_least": 0.5}, {"metric": "accuracy", "at_most": 1}])
def test_a_bar_on_the_wrong_side_is_refused(values):
    with pytest.raises(ValueError, match="has no meaning"):
        Bar(**values)
