"""Questions on models and their use, for the page at /learn: what is asked, and what an answer left out.

What was answered and when it comes again stays with the browser: it sends what it remembers, and keeps what comes back.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from penjing.errors import TaskError
from penjing.learn.bank import Language, Level, Point, Question, Topic, find_question, read_bank, topic_name
from penjing.learn.choice import grade_choice, statements
from penjing.learn.grade import grade
from penjing.learn.review import Memory, answered
from penjing.serve.problems import Problem, invalid

router = APIRouter(tags=["learn"])
_LONGEST, _MOST_CHOICES = 4_000, 32


class Asked(BaseModel):
    """A question, and statements to choose from."""

    id: str
    topic: Topic
    topic_name: str = Field(description="What the topic is called in the language that was asked for.")
    level: Level
    ask: str
    statements: list[str]


class LearnAnswer(BaseModel):
    """An answer in free text, or the statements that were chosen."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(description="Its id.", max_length=64, examples=["kv-cache"])
    answer: Annotated[str | None, Field(max_length=_LONGEST)] = Field(None, description="In free text.")
    chosen: Annotated[list[int] | None, Field(max_length=_MOST_CHOICES)] = Field(
        None, description="Places of the statements, from 0."
    )
    language: Language = "en"
    memory: Memory | None = Field(None, description="What came back when it was answered last.")
    today: Annotated[date | None, Field(ge=date(2000, 1, 1), le=date(2200, 1, 1))] = Field(
        None, description="Of the learner; default: the server's."
    )


class LearnGrade(BaseModel):
    """What an answer said and left out, the bank's answer, and what to remember."""

    said: list[str]
    missed: list[str]
    wrong: list[str]
    answer: str
    source: str
    url: str
    command: str
    memory: Memory


@router.get("/v1/learn/questions")
async def questions(language: Language = "en") -> list[Asked]:
    """Return all questions, those first that bring people here."""
    bank = read_bank()
    return [
        Asked(
            id=one.id, topic=one.topic, topic_name=topic_name(one.topic, language), level=one.level,
            ask=one.say(language).ask,
            statements=[found.point.say(language) for found in statements(one, bank)],
        )
        for one in bank
    ]  # fmt: skip


@router.post("/v1/learn/grade")
async def grade_answer(given: LearnAnswer) -> LearnGrade:
    """Say what an answer left out: by terms where it is free text, or by what was chosen."""
    question = _question(given.question)
    if (given.answer is None) == (given.chosen is None):
        raise invalid("Send either `answer` or `chosen`.", param="answer")
    if given.chosen is None:
        found = grade(question, given.answer or "")
    else:
        found = grade_choice(statements(question, read_bank()), given.chosen)
    said = question.say(given.language)

    def told(points: tuple[Point, ...]) -> list[str]:
        return [point.say(given.language) for point in points]

    return LearnGrade(
        said=told(found.said), missed=told(found.missed), wrong=told(found.wrong), answer=said.answer.strip(),
        source=question.source, url=question.url, command=question.command,
        memory=answered(given.memory, found.share, today=given.today or date.today()),
    )  # fmt: skip


def _question(name: str) -> Question:
    try:
        return find_question(name)
    except TaskError as error:
        raise Problem(404, "invalid_request_error", "not_found", str(error)) from None
