"""Random answers to measure, for hypothesis."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st


@st.composite
def single_label(draw, columns=2):
    """`columns` integer arrays (n,) of the same length, with labels below 4."""
    n, seed = draw(st.integers(1, 60)), draw(st.integers(0, 10**6))
    labels = draw(st.integers(1, 4))
    return list(np.random.default_rng(seed).integers(labels, size=(columns, n)))


@st.composite
def multi_label(draw, columns=2):
    """`columns` boolean arrays (n, 3), each label given at least once in each."""
    n, seed = draw(st.integers(1, 60)), draw(st.integers(0, 10**6))
    found = np.random.default_rng(seed).random((columns, n, 3)) < draw(st.floats(0.05, 0.95))
    found[:, 0, :] = True
    return list(found)


def classifier(n, *, accuracy, seed, labels=2):
    """Truth, and answers that are right with probability `accuracy`."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(labels, size=n)
    wrong = (truth + generator.integers(1, labels, size=n)) % labels
    return truth, np.where(generator.random(n) < accuracy, truth, wrong)
