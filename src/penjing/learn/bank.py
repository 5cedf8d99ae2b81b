"""The question bank: what is asked, what an answer has to say, and where that is from; in English and Chinese."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

from penjing.errors import TaskError
from penjing.records import Record

Language = Literal["en", "zh"]
Level = Literal["basic", "medium"]
Topic = Literal[
    "architecture",
    "tokens",
    "training",
    "data",
    "evaluation",
    "compression",
    "inference",
    "serving",
    "product",
    "models",
    "choice",
    "compute",
]


_TOPICS: Mapping[Topic, tuple[str, str]] = {
    "architecture": ("Architectures", "结构"),
    "tokens": ("Tokens and vocabularies", "词片与词表"),
    "training": ("Training", "训练"),
    "data": ("Data", "数据"),
    "evaluation": ("Evaluation", "评估"),
    "compression": ("Compression", "压缩"),
    "inference": ("Inference", "推理"),
    "serving": ("Serving", "服务"),
    "product": ("Product", "产品"),
    "models": ("Models", "模型"),
    "choice": ("Choice", "选择"),
    "compute": ("Compute", "算力"),
}


class Wording(Record):
    """A question and its answer in one language."""

    ask: str
    answer: str


class Point(Record):
    """Something that a good answer says, and the words (lower case, of either language) by which that is seen."""

    en: str
    zh: str
    terms: tuple[str, ...]

    def say(self, language: Language) -> str:
        """Return it in a language."""
        return self.en if language == "en" else self.zh


class Question(Record):
    """One question of the bank."""

    id: str
    topic: Topic
    level: Level
    source: str
    url: str
    command: str
    """What shows the answer at work."""
    en: Wording
    zh: Wording
    points: tuple[Point, ...]

    def say(self, language: Language) -> Wording:
        """Return it in a language."""
        return self.en if language == "en" else self.zh


@cache
def read_bank() -> tuple[Question, ...]:
    """Return all questions; those that brought the first users here come first.

    >>> len(read_bank()) >= 30
    True
    """
    text = (files("penjing.learn") / "bank.toml").read_text(encoding="utf-8")
    return tuple(Question.model_validate(found) for found in tomllib.loads(text)["question"])


def topic_name(topic: Topic, language: Language) -> str:
    """Return what a topic is called.

    >>> topic_name("data", "zh")
    '数据'
    """
    return _TOPICS[topic][language == "zh"]


def find_question(name: str) -> Question:
    """Return the question with this id; raise TaskError where there is none."""
    found = next((question for question in read_bank() if question.id == name), None)
    if found is None:
        raise TaskError("no such question", value=name, next_step="penjing learn list shows them")
    return found
