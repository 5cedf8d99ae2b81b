"""What was answered and when it comes again: the better it is known, the later.

Source: Leitner 1972, "So lernt man lernen" (boxes with growing intervals).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from penjing.errors import StorageError
from penjing.files import storage_error, write_text
from penjing.learn.bank import Question
from penjing.records import Record

_DAYS = (0, 1, 3, 7, 14, 30)  # until a question of each box comes again
_KNOWN, _FORGOTTEN = 0.75, 0.4  # shares of an answer from which it moves up, and below which it begins again
_MOST_BYTES = 2**20


class Memory(Record):
    """What is remembered of one question."""

    box: Annotated[int, Field(ge=0, lt=len(_DAYS))]
    due: date
    last: date
    """When it was answered."""
    answered: Annotated[int, Field(ge=0)]


Progress = Mapping[str, Memory]
_STORED = TypeAdapter(dict[str, Memory])


def progress_path() -> Path:
    """Return where progress is kept: $XDG_DATA_HOME/penjing/learn.json or ~/.local/share/penjing/learn.json."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "penjing" / "learn.json"


def read_progress(path: Path) -> Progress:
    """Return what was kept; nothing where there is no file.

    Raises:
        StorageError: the file is damaged.
    """
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("too large")
        return _STORED.validate_json(path.read_bytes())
    except (ValidationError, ValueError) as error:
        raise StorageError(
            "the progress of penjing learn is damaged", value=f"{path}: {error}", next_step="Move the file away"
        ) from None


def write_progress(path: Path, progress: Progress) -> None:
    """Keep `progress`; raise StorageError where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        found = {name: memory.model_dump(mode="json") for name, memory in progress.items()}
        write_text(path, json.dumps(found, indent=1))
    except OSError as error:
        raise storage_error(error, path) from error


def answered(memory: Memory | None, share: float, *, today: date) -> Memory:
    """Return what is remembered after an answer that said this share of what it had to.

    A question moves up once a day at the most, and not before it is due: its answer was on the screen.

    >>> answered(None, 1.0, today=date(2026, 1, 1)).due
    datetime.date(2026, 1, 2)
    """
    box = 0 if memory is None else memory.box
    early = memory is not None and (today < memory.due or memory.last == today)
    if share >= _KNOWN and not early:
        box = min(box + 1, len(_DAYS) - 1)
    elif share < _FORGOTTEN:
        box = 0
    count = 0 if memory is None else memory.answered
    due = memory.due if memory is not None and early and share >= _FORGOTTEN else today + timedelta(days=_DAYS[box])
    return Memory(box=box, due=due, last=today, answered=count + 1)


@dataclass(frozen=True)
class Next:
    """The question to ask now, and how many more are due."""

    question: Question
    due: int


def next_question(bank: Sequence[Question], progress: Progress, *, today: date) -> Next | None:
    """Return what is due longest, else the first question that was never asked; None where all can wait."""
    due = sorted(
        (question for question in bank if question.id in progress and progress[question.id].due <= today),
        key=lambda question: (progress[question.id].due, progress[question.id].box),
    )
    new = [question for question in bank if question.id not in progress]
    found = [*due, *new]
    return Next(found[0], len(due)) if found else None
