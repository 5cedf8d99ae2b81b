"""Text classification: labels as arrays, and logits as decisions.

Single-label truth is an integer array (texts,); multi-label truth is boolean (texts, labels).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Truth = NDArray[Any]


class Labelled(Protocol):
    """What has labels: an example of the data."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Exactly one for single-label tasks, any number for multi-label ones."""
        ...


def encode_labels(examples: Sequence[Labelled], labels: Sequence[str], *, multi_label: bool) -> Truth:
    """Return the truth of `examples` in the order of `labels`.

    >>> from penjing.data.dataset import Example
    >>> encode_labels([Example("a", ("no",)), Example("b", ("yes",))], ("no", "yes"), multi_label=False)
    array([0, 1])
    """
    index = {label: position for position, label in enumerate(labels)}
    if not multi_label:
        return np.array([index[example.labels[0]] for example in examples], np.int64)
    truth = np.zeros((len(examples), len(labels)), bool)
    for row, example in enumerate(examples):
        truth[row, [index[label] for label in example.labels]] = True
    return truth


def decisions(logits: NDArray[Any], *, multi_label: bool) -> Truth:
    """Return the most probable label of each text, or every label with a probability of at least one half.

    >>> decisions(np.array([[0.1, 2.0], [3.0, 1.0]]), multi_label=False)
    array([1, 0])
    """
    return logits >= 0 if multi_label else logits.argmax(axis=1)
