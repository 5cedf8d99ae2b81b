"""Rounding that carries its error on changes a layer's outputs less, whatever the type and the inputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.gguf.quantize import dequantize, quantize
from penjing.shrink.compensation import inverse_factor, round_in_turn
from penjing.shrink.gguf_types import TYPES

COLUMNS, GROUP = 512, {"Q4_K": 256, "Q5_K": 256, "Q6_K": 256}


def correlated_inputs(seed, *, rank=40):
    draw = np.random.default_rng(seed)
    inputs = draw.normal(size=(2000, rank)) @ draw.normal(size=(rank, COLUMNS)) + draw.normal(size=(2000, COLUMNS))
    return (inputs.T @ inputs / len(inputs)).astype(np.float32)


def output_errors(change, moments):
    """The mean square by which a change of the weights changes each output."""
    return ((change @ moments) * change).sum(axis=1)


def rounded(weights, moments, name):
    groups = round_in_turn(
        weights,
        inverse_factor(moments),
        group=GROUP.get(name, 32),
        quantize=lambda values, _: quantize(values, name),
        dequantize=lambda stored: dequantize(stored, name),
    )
    return dequantize(np.concatenate(groups, axis=1), name)


@pytest.mark.parametrize("name", TYPES)
def test_outputs_change_less_than_by_rounding_to_the_nearest(name):
    weights = np.random.default_rng(1).normal(size=(64, COLUMNS)).astype(np.float32)
    moments = correlated_inputs(2)
    nearest = dequantize(quantize(weights, name), name)
    better = output_errors(rounded(weights, moments, name) - weights, moments).sum()
    assert better < 0.7 * output_errors(nearest - weights, moments).sum()


def test_additions_below_half_a_step_survive():
    """What rounding to the nearest takes away: weights on a coarse grid, and something small added to all of them."""
    draw = np.random.default_rng(3)
    coarse = dequantize(quantize(draw.normal(size=(64, COLUMNS)).astype(np.float32), "Q4_1"), "Q4_1")
    added = 0.02 * draw.normal(size=(64, 1)) @ draw.normal(size=(1, COLUMNS))
    moments = correlated_inputs(4)
    wanted = (coarse + added).astype(np.float32)
    kept = {
        "nearest": dequantize(quantize(wanted, "Q4_1"), "Q4_1") - coarse,
        "in turn": rounded(wanted, moments, "Q4_1") - coarse,
    }
    missing = {how: output_errors((found - added).astype(np.float32), moments).sum() for how, found in kept.items()}
    assert missing["in turn"] < 0.6 * missing["nearest"]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_the_factor_is_that_of_the_inverse_even_where_inputs_are_few(seed, rows):
    inputs = np.random.default_rng(seed).normal(size=(rows, 8)).astype(np.float32)
    moments = inputs.T @ inputs / rows
    factor = inverse_factor(moments)
    damped = moments + 0.01 * np.trace(moments) / 8 * np.eye(8)
    assert np.allclose(factor.T @ factor @ damped, np.eye(8), atol=1e-4)
    assert np.allclose(factor, np.triu(factor))


def test_inputs_that_are_never_there_do_no_harm():
    weights = np.random.default_rng(5).normal(size=(4, COLUMNS)).astype(np.float32)
    found = rounded(weights, np.zeros((COLUMNS, COLUMNS), np.float32), "Q5_0")
    assert np.abs(found - weights).max() < 0.3
