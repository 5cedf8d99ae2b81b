"""A learner's file checked in a process of its own, which is ended where it takes too long."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from penjing.errors import DataError
from penjing.learn.exercises import checks, exercise_of

TIMEOUT_S = 20.0
_MOST_BYTES = 256 * 2**10
_MOST_OUTPUT = 64 * 2**10


@dataclass(frozen=True)
class Checked:
    """How one check went; `says` is what is wrong."""

    name: str
    ok: bool
    says: str = ""


def check_file(path: Path, *, timeout_s: float = TIMEOUT_S) -> list[Checked]:
    """Return how each check of the exercise that `path` answers went; the last one fails where the code was ended.

    Raises:
        DataError: the file cannot be read.
        TaskError: it does not say which exercise it answers.
    """
    try:
        with path.open("rb") as file:
            code = file.read(_MOST_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("the file cannot be read", value=f"{path}: {error}", rule="Python in UTF-8") from None
    if len(code) > _MOST_BYTES:
        raise DataError("the file is too large", value=str(path), rule=f"{_MOST_BYTES // 1024} kB")
    told = json.dumps({"code": code, "checks": checks(exercise_of(code))})
    said, ended = _run(told, timeout_s)
    found = [Checked(str(row["name"]), bool(row["ok"]), str(row.get("says", ""))) for row in said]
    if ended:
        after = f"after “{found[-1].name}”: " if found else "while your file was loaded, or in the first check: "
        found.append(Checked("your code comes to an end", False, after + ended))
    return found


def _run(told: str, timeout_s: float) -> tuple[list[dict[str, object]], str]:
    """Return what the worker said, and why it was ended before it was through."""
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "penjing.learn.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, encoding="utf-8", env=environment, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            out, _ = process.communicate(told, timeout=timeout_s)
            ended = _why(process.returncode)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            out, _ = process.communicate()
            ended = f"it was ended after {timeout_s:g} s: is there a loop without an end?"
    return [row for line in out[:_MOST_OUTPUT].splitlines() if (row := _row(line))], ended


def _row(line: str) -> dict[str, object] | None:
    with suppress(ValueError):
        found = json.loads(line)
        if isinstance(found, dict) and {"name", "ok"} <= found.keys() <= {"name", "ok", "says"}:
            return found
    return None


def _why(code: int) -> str:
    if code == 0:
        return ""
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return "it took too much time: is there a loop without an end?"
    return f"it ended with {code}: too much memory, or a crash"
