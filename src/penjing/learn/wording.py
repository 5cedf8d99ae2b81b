"""What checks of exercises say, in the learner's language; what is not known stays in English."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from penjing.learn.bank import Language


def in_language(text: str, language: Language) -> str:
    """Return a sentence of a check in a language.

    >>> in_language("the shape is (3,), not (2,)", "zh")
    '形状是 (3,)，应为 (2,)'
    >>> in_language("NameError: x (line 9)", "zh")
    'NameError: x (line 9)'
    """
    if language == "en":
        return text
    for pattern, said in _patterns().items():
        if found := pattern.fullmatch(text):
            return said.format(*found.groups())
    return text


@cache
def _patterns() -> Mapping[re.Pattern[str], str]:
    """Return what is said by the form of the English sentence; those with the most words of their own come first."""
    text = (files("penjing.learn.exercise") / "zh.toml").read_text(encoding="utf-8")
    told = sorted(tomllib.loads(text).items(), key=lambda pair: -len(pair[0]))
    return {re.compile("(.+)".join(map(re.escape, english.split("{}"))), re.S): chinese for english, chinese in told}
