"""Checks of the exercise on pruning."""

import numpy as np


def _layer():
    generator = np.random.default_rng(4)
    return [generator.standard_normal(shape) for shape in ((5, 8), (8,), (8, 3))]


def check_importance(learner):
    """importance is the absolute sum of weight times gradient"""
    w2, gradient = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[0.5, -0.25], [-1.0, 1.0]])
    found = np.asarray(learner.importance(w2, gradient))
    assert found.shape == (2,), f"the shape is {found.shape}, not (2,)"
    assert np.allclose(found, [0.0, 4.0]), (
        f"{found}, not [0, 4]: multiply, sum over the outputs, then take the absolute value"
    )


def check_shapes(learner):
    """all three arrays get smaller"""
    w1, b1, w2 = _layer()
    found = learner.prune(w1, b1, w2, np.arange(8.0), 3)
    shapes = [np.shape(one) for one in found]
    assert shapes == [(5, 3), (3,), (3, 3)], f"the shapes are {shapes}: columns of w1, values of b1, rows of w2"


def check_kept(learner):
    """the most important neurons stay, in their order"""
    w1, b1, w2 = _layer()
    scores = np.array([5, 1, 4, 0, 9, 2, 3, 8.0])
    found = learner.prune(w1, b1, w2, scores, 3)
    assert np.allclose(found[1], b1[[0, 4, 7]]), "neurons 0, 4 and 7 have the highest scores, and keep their order"
    assert np.allclose(found[0], w1[:, [0, 4, 7]]), "w1 has other columns than b1 has values"
    assert np.allclose(found[2], w2[[0, 4, 7]]), "w2 has other rows than b1 has values"


def check_nothing_changes(learner):
    """a neuron that never fires can go without a change"""
    w1, b1, w2 = _layer()
    w1[:, 2], b1[2] = 0, -1
    x = np.random.default_rng(5).standard_normal((20, 5))
    scores = np.ones(8)
    scores[2] = 0
    smaller = learner.prune(w1, b1, w2, scores, 7)
    before = np.maximum(x @ w1 + b1, 0) @ w2
    assert np.allclose(np.maximum(x @ smaller[0] + smaller[1], 0) @ smaller[2], before), "the answers changed"
