"""Checks of the exercise on attention."""

import numpy as np


def _inputs(length=5, width=8, scale=1.0):
    generator = np.random.default_rng(0)
    return [scale * generator.standard_normal((length, width)) for _ in range(3)]


def check_uniform(learner):
    """equal scores give the mean of the values"""
    _, _, v = _inputs()
    zeros = np.zeros_like(v)
    found = np.asarray(learner.attention(zeros, zeros, v))
    assert found.shape == v.shape, f"the shape is {found.shape}, not {v.shape}"
    assert np.allclose(found, v.mean(0)), "with queries of 0 every value should weigh the same: is there a softmax?"


def check_scaled(learner):
    """scores are divided by the root of the width"""
    q, k, v = _inputs(width=16)
    scores = q @ k.T / 4
    weights = np.exp(scores - scores.max(1, keepdims=True))
    expected = weights / weights.sum(1, keepdims=True) @ v
    assert np.allclose(learner.attention(q, k, v), expected), (
        "the values differ: divide by sqrt(width), softmax by rows"
    )


def check_large(learner):
    """large scores do not overflow"""
    q, k, v = _inputs(scale=300.0)
    with np.errstate(all="ignore"):
        found = np.asarray(learner.attention(q, k, v))
    assert np.isfinite(found).all(), "NaN or infinity: take the largest score of each row off before exp()"


def check_causal(learner):
    """with causal=True nothing after a position changes it"""
    q, k, v = _inputs()
    before = np.asarray(learner.attention(q, k, v, causal=True))
    k[3:] += 5.0
    v[3:] -= 7.0
    after = np.asarray(learner.attention(q, k, v, causal=True))
    assert np.allclose(before[:3], after[:3]), (
        "the first positions change with later ones: mask them before the softmax"
    )
    assert np.allclose(before[0], _inputs()[2][0]), "the first position sees itself alone"
