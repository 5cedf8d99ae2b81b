"""The exercises: a stub to fill in, hints, and checks that say what is wrong."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable

from penjing.errors import TaskError
from penjing.learn.bank import Language

NAMES = (
    "generate", "classify", "translate", "attention", "kv_cache", "bpe", "quantization", "pruning", "distillation",
)  # fmt: skip
_NAMED = re.compile(r"^# penjing exercise: ([a-z_]+)\s*$", re.MULTILINE)


def stub(name: str, language: Language = "en") -> str:
    """Return the file to fill in, with its hints in a language.

    Raises:
        TaskError: there is no such exercise.
    """
    return _file(name, "stub" if language == "en" else f"stub_{language}").read_text(encoding="utf-8")


def checks(name: str) -> str:
    """Return the module that checks an answer; TaskError as `stub`."""
    return _file(name, "checks").read_text(encoding="utf-8")


def exercise_of(text: str) -> str:
    """Return which exercise a file answers, by its line "# penjing exercise: NAME".

    Raises:
        TaskError: it does not say.
    """
    found = _NAMED.search(text)
    if found is None or found[1] not in NAMES:
        raise TaskError(
            "the file does not say which exercise it answers",
            value=found[1] if found else None,
            rule="a line: # penjing exercise: NAME",
            next_step=f"Begin with: penjing learn start NAME ({', '.join(NAMES)})",
        )
    return found[1]


def _file(name: str, part: str) -> Traversable:
    if name not in NAMES:
        raise TaskError("no such exercise", value=name, rule=f"one of {', '.join(NAMES)}")
    return files("penjing.learn.exercise") / f"{name}_{part}.py"
