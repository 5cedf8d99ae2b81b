"""An answer in free text, judged by a small local model: by what its sentences mean, not by their words.

A point counts as said where a sentence of the answer means nearly the same in either language. Encoders give all texts
of one subject much the same direction; what the points of the bank have in common is therefore taken off first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from penjing.learn.bank import Question
from penjing.learn.grade import Grade

Vectors = NDArray[np.float32]
Means = Callable[[Sequence[str]], Vectors]
NEAR = 0.3
"""The cosine from which a point counts as said: 91 % of what the bank's answers say is found by multilingual-e5-small,
and 14 % of what answers to other questions say."""
_SENTENCE = re.compile(r"[^.!?;:。！？；：\n]+")


class Judge:
    """Judges answers to the questions of a bank; `means` returns one vector a text."""

    def __init__(self, bank: Sequence[Question], means: Means) -> None:
        self._means = means
        points = [point for question in bank for point in question.points]
        found = means([text for point in points for text in (point.en, point.zh)])
        self._common = found.mean(axis=0)
        self._points = dict(zip(points, self._own(found).reshape(len(points), 2, -1), strict=True))

    def grade(self, question: Question, answer: str) -> Grade:
        """Return which points of a question of the bank the answer says."""
        parts = sentences(answer)
        told = self._own(self._means(parts)) if parts else None
        said = tuple(
            point
            for point in question.points
            if told is not None and float((told @ self._points[point].T).max()) >= NEAR
        )
        return Grade(said, tuple(point for point in question.points if point not in said))

    def _own(self, vectors: Vectors) -> Vectors:
        rest = vectors - self._common
        return np.asarray(rest / np.maximum(np.linalg.norm(rest, axis=-1, keepdims=True), 1e-9), np.float32)


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, and the whole of it.

    >>> sentences("Prune first. Then quantize.")
    ['Prune first', 'Then quantize', 'Prune first. Then quantize.']
    """
    parts = [part.strip() for part in _SENTENCE.findall(text) if part.strip()]
    return parts if len(parts) < 2 else [*parts, text.strip()]
