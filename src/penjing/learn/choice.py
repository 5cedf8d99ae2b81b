"""A question with statements to choose from: what a good answer says, among what answers to other questions say."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from penjing.learn.bank import Point, Question
from penjing.learn.grade import Grade, grade


@dataclass(frozen=True)
class Statement:
    """Something that may be said of a question, and whether a good answer says it."""

    point: Point
    right: bool


def statements(question: Question, bank: Sequence[Question]) -> tuple[Statement, ...]:
    """Return what may be chosen, as many wrong statements as right ones; the same each time.

    Wrong ones are points of questions of other topics which the bank's answer to this one does not say.

    >>> from penjing.learn.bank import find_question, read_bank
    >>> found = statements(find_question("calibration"), read_bank())
    >>> [one.right for one in found].count(True) == [one.right for one in found].count(False)
    True
    """
    dice = random.Random(question.id)  # noqa: S311 - an order, not a secret
    others = [point for other in bank if other.topic != question.topic for point in _unsaid(other, question)]
    wrong = dice.sample(others, len(question.points))
    found = [Statement(point, True) for point in question.points] + [Statement(point, False) for point in wrong]
    dice.shuffle(found)
    return tuple(found)


def _unsaid(other: Question, question: Question) -> tuple[Point, ...]:
    """Return the points of another question that the answers to `question` do not say, by their terms."""
    return grade(other, f"{question.en.answer}\n{question.zh.answer}").missed


def grade_choice(offered: Sequence[Statement], chosen: Collection[int]) -> Grade:
    """Return what was chosen and what was missed, by places in `offered`; wrong ones take away from the share."""
    picked = [one for place, one in enumerate(offered) if place in chosen]
    return Grade(
        said=tuple(one.point for one in picked if one.right),
        missed=tuple(one.point for one in offered if one.right and one not in picked),
        wrong=tuple(one.point for one in picked if not one.right),
    )
