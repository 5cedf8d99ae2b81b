"""Checks of the exercise on the cache of keys and values."""

import numpy as np


class _Counted(np.ndarray):
    """A matrix that counts the rows it is multiplied with."""

    rows = 0

    def __rmatmul__(self, other):
        _Counted.rows += 1 if np.ndim(other) == 1 else len(other)
        return np.asarray(other) @ np.asarray(self)

    def __array_ufunc__(self, ufunc, method, *inputs, **more):
        if ufunc is np.matmul:
            for one in inputs:
                if not isinstance(one, _Counted):
                    _Counted.rows += 1 if np.ndim(one) == 1 else len(one)
        return getattr(ufunc, method)(*(np.asarray(one) for one in inputs), **more)


def _matrices(width=6):
    generator = np.random.default_rng(1)
    return [generator.standard_normal((width, width)) for _ in range(3)], generator.standard_normal((7, width))


def _expected(matrices, rows):
    q, k, v = (rows @ matrix for matrix in matrices)
    scores = q[-1] @ k.T / np.sqrt(rows.shape[1])
    weights = np.exp(scores - scores.max())
    return weights / weights.sum() @ v


def check_first(learner):
    """the first position gets its own value"""
    matrices, rows = _matrices()
    found = np.asarray(learner.CachedAttention(*matrices).step(rows[0]))
    assert found.shape == rows[0].shape, f"the shape is {found.shape}, not {rows[0].shape}"
    assert np.allclose(found, rows[0] @ matrices[2]), "alone, a position attends to itself: x @ wv"


def check_all(learner):
    """every position attends to all before it"""
    matrices, rows = _matrices()
    cached = learner.CachedAttention(*matrices)
    for count in range(1, len(rows) + 1):
        found = np.asarray(cached.step(rows[count - 1]))
        assert np.allclose(found, _expected(matrices, rows[:count])), (
            f"position {count} differs from attention without a cache"
        )


def check_cached(learner):
    """keys and values are not computed again"""
    matrices, rows = _matrices()
    cached = learner.CachedAttention(matrices[0], *(matrix.view(_Counted) for matrix in matrices[1:]))
    _Counted.rows = 0
    for row in rows:
        cached.step(row)
    most = 2 * len(rows)
    assert _Counted.rows <= most, (
        f"wk and wv were multiplied with {_Counted.rows} rows, {most} are enough: keep what you have"
    )
