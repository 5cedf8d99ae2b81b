"""The frontier of a finished run: the trials that no other beats both in quality and in cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from penjing.errors import TaskError
from penjing.records import Cost, Trial

JOURNAL_NAME = "trials.jsonl"
_MOST_JOURNAL_BYTES = 64 * 2**20


def read_trials(run: Path) -> tuple[Trial, ...]:
    """Return the trials in the journal of the run folder `run`.

    Raises:
        TaskError: there is no journal, or it is damaged.
    """
    path = run / JOURNAL_NAME
    try:
        if path.stat().st_size > _MOST_JOURNAL_BYTES:
            raise TaskError("the journal is too large", value=str(path), rule=f"at most {_MOST_JOURNAL_BYTES} bytes")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        raise TaskError(
            "no finished run here",
            value=str(run),
            rule=f"a run folder with {JOURNAL_NAME}, such as runs/NAME",
            next_step="Make one: penjing fit TASK.toml",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError("the journal cannot be read", value=str(error)) from None
    try:
        return tuple(Trial.model_validate_json(line) for line in lines if line)
    except ValidationError as error:
        raise TaskError(
            f"{path} is damaged",
            value=error.errors()[0]["msg"],
            next_step="Run penjing fit with the same task again: what was trained is used again",
        ) from None


def frontier(trials: Sequence[Trial], *, cost: Cost) -> tuple[Trial, ...]:
    """Return the trials that were measured and that no other beats in quality at the same or a lower cost.

    The cheapest comes first; each costs more than the one before, and scores more.
    """
    measured = [
        (found, -trial.quality.gain, trial)
        for trial in trials
        if trial.failed is None and trial.quality is not None and (found := trial.cost(cost)) is not None
    ]
    kept: list[Trial] = []
    best = float("-inf")
    for _, negative, trial in sorted(measured, key=lambda row: row[:2]):
        if -negative > best:
            kept.append(trial)
            best = -negative
    return tuple(kept)
