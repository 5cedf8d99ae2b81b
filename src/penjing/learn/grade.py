"""An answer in free text, looked through for what it has to say.

It is found by terms: a word or the beginning of one, in either language. So an answer in other words may be right and
not be seen; the answer of the bank stands beside the grade.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from penjing.learn.bank import Point, Question


@dataclass(frozen=True)
class Grade:
    """What an answer says of what it has to."""

    said: tuple[Point, ...]
    missed: tuple[Point, ...]
    wrong: tuple[Point, ...] = ()
    """What was chosen, and does not belong to the question."""

    @property
    def share(self) -> float:
        """The share of the points that were said; each wrong one takes one away."""
        return max(0, len(self.said) - len(self.wrong)) / (len(self.said) + len(self.missed))


def grade(question: Question, answer: str) -> Grade:
    """Return which points of `question` the answer says.

    >>> from penjing.learn.bank import find_question
    >>> grade(find_question("calibration"), "Divide by a temperature; then 80 % means 80 %.").share
    1.0
    """
    text = answer.lower()
    said = tuple(point for point in question.points if any(_holds(text, term) for term in point.terms))
    return Grade(said, tuple(point for point in question.points if point not in said))


def _holds(text: str, term: str) -> bool:
    """Return whether a word of `text` begins with `term`; Chinese has no words apart."""
    if not term.isascii():
        return term in text
    return re.search(rf"(?<![a-z0-9]){re.escape(term)}", text) is not None
