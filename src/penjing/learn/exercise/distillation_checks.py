"""Checks of the exercise on distillation."""

import numpy as np


def _logits(scale=1.0):
    generator = np.random.default_rng(6)
    return scale * generator.standard_normal((4, 3)), scale * generator.standard_normal((4, 3)), np.array([0, 2, 1, 1])


def _log_softmax(x):
    shifted = x - x.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def check_same(learner):
    """a student that says what its teacher says has no divergence"""
    student, _, labels = _logits()
    found = float(learner.distillation_loss(student, student, labels, share=1.0))
    assert abs(found) < 1e-9, f"the loss is {found}, not 0, where both say the same"


def check_labels(learner):
    """with share=0 it is the cross-entropy, without a temperature"""
    student, teacher, labels = _logits()
    expected = -_log_softmax(student)[np.arange(4), labels].mean()
    found = float(learner.distillation_loss(student, teacher, labels, temperature=5.0, share=0.0))
    assert np.isclose(found, expected), f"{found}, not {expected}: the labels' part knows no temperature"


def check_temperature(learner):
    """the divergence is softened, and multiplied by the temperature squared"""
    student, teacher, labels = _logits()
    p, q = _log_softmax(teacher / 3), _log_softmax(student / 3)
    expected = 9 * (np.exp(p) * (p - q)).sum(1).mean()
    found = float(learner.distillation_loss(student, teacher, labels, temperature=3.0, share=1.0))
    assert np.isclose(found, expected), f"{found}, not {expected}: divide logits by T, and the result times T squared"


def check_large(learner):
    """large logits do not overflow"""
    student, teacher, labels = _logits(scale=1000.0)
    with np.errstate(all="ignore"):
        found = float(learner.distillation_loss(student, teacher, labels))
    assert np.isfinite(found), "NaN or infinity: take the largest logit off, and the logarithm of the softmax at once"
