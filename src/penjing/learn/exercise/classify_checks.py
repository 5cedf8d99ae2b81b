"""Checks of the exercise on classification."""

import numpy as np

LABELS = ["bad", "good", "mixed"]


def _inputs():
    generator = np.random.default_rng(7)
    states = generator.standard_normal((2, 4, 5))
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1]])
    return states, mask, 3 * generator.standard_normal((3, 5)), generator.standard_normal(3)


def _expected(states, mask, weight, bias):
    means = np.stack([row[kept == 1].mean(0) for row, kept in zip(states, mask)])
    logits = means @ weight.T + bias
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return shares / shares.sum(1, keepdims=True)


def check_padding(learner):
    """padding changes nothing"""
    states, mask, weight, bias = _inputs()
    before = learner.classify(states, mask, weight, bias, LABELS)
    states[0, 2:] = 1000.0
    after = learner.classify(states, mask, weight, bias, LABELS)
    assert np.isclose(before[0][1], after[0][1]), (
        "the answer changed with what is padding: multiply by the mask, divide by its sum"
    )


def check_probability(learner):
    """labels and probabilities are right"""
    found = learner.classify(*_inputs(), LABELS)
    for (label, share), expected in zip(found, _expected(*_inputs())):
        assert label == LABELS[int(expected.argmax())], f"the label is {label}"
        assert np.isclose(share, expected.max()), (
            f"the probability is {share}, not {expected.max():.4f}: softmax over the labels"
        )


def check_unsure(learner):
    """unsure answers are withheld, with their probability"""
    label, share = learner.classify(*_inputs(), LABELS, at_least=1.1)[0]
    assert label is None, "below at_least the label is None"
    assert 0 < share <= 1, f"the probability is {share}"


def check_large(learner):
    """large logits do not overflow"""
    states, mask, weight, bias = _inputs()
    with np.errstate(all="ignore"):
        found = learner.classify(states, mask, 1000 * weight, bias, LABELS)
    assert all(np.isfinite(share) for _, share in found), "NaN or infinity: take the largest logit off before exp()"
