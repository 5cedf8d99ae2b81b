"""How answers are written: one as it comes, several as JSON lines."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TextIO, cast, get_args

from penjing.errors import PenjingError, TaskError
from penjing.generation.model import Generation, TextModel
from penjing.generation.request import Format

_MOST_SCHEMA = 2**20
_MOST_IN_A_ROW, _LONG_S = 3, 10.0  # prompts without an answer; what fails at once is its own fault, and costs nothing


@dataclass(frozen=True)
class Options:
    """What `TextModel.generate` takes."""

    values: Mapping[str, Any]

    @classmethod
    def read(cls, *, format_: str | None, schema: Path | None, **values: Any) -> Self:
        """Return the options of the command line, the schema read from its file.

        Raises:
            TaskError: the format is unknown, or the schema is no JSON object.
        """
        if format_ is not None and format_ not in get_args(Format):
            raise TaskError("unknown --format", value=format_, rule="chat or plain")
        read = None if schema is None else _schema(schema)
        return cls({**values, "format": cast(Format | None, format_), "schema": read})


def write_answers(
    model: TextModel, prompts: Iterable[str], options: Options, file: TextIO, *, lines: bool, counts: bool
) -> int:
    """Answer each prompt into `file`: pieces as they come, or where `lines`, a JSON object a prompt.

    Return how many prompts have no answer: their lines have an `error`. After three in a row that took long, the others
    are not asked.

    Raises:
        PenjingError: the first prompt has no answer, or one whose pieces are shown as they come.
    """
    from penjing.cli.console import counted

    failed, in_a_row = 0, 0
    for place, prompt in enumerate(counted(prompts) if counts else prompts):
        if not lines:
            _show(model, prompt, options, file)
            continue
        values: Mapping[str, Any]
        if in_a_row == _MOST_IN_A_ROW:
            values = {"error": f"not asked: the {_MOST_IN_A_ROW} before it had no answer"}
        else:
            began = time.monotonic()
            values = _answered(model, prompt, options, first=place == 0)
            in_a_row = in_a_row + 1 if "error" in values and time.monotonic() - began >= _LONG_S else 0
        failed += "error" in values
        file.write(json.dumps({"prompt": prompt, **values}, ensure_ascii=False) + "\n")
        file.flush()
    return failed


def _answered(model: TextModel, prompt: str, options: Options, *, first: bool) -> dict[str, Any]:
    """Return the answer as plain values, or the error; that of the first prompt is raised."""
    try:
        return _plain(model.generate(prompt, **options.values))
    except PenjingError as error:
        if first:
            raise
        return {"error": str(error)}


def _show(model: TextModel, prompt: str, options: Options, file: TextIO) -> None:
    for chunk in model.stream(prompt, **options.values):
        file.write(chunk.text)
        file.flush()
    file.write("\n")


def _plain(found: Generation) -> dict[str, Any]:
    return {
        "answers": [{"text": answer.text, "finish_reason": answer.finish_reason} for answer in found.answers],
        "model": found.model,
        "engine": found.engine,
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "prefill_s": found.prefill_s,
        "decode_s": found.decode_s,
    }


def _schema(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > _MOST_SCHEMA:
            raise TaskError("the schema is too large", value=str(path), rule="at most 1 MiB")
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TaskError("cannot read the schema", value=str(path), rule=str(error)) from None
    if not isinstance(found, Mapping):
        raise TaskError("the schema is no JSON object", value=str(path))
    return found
