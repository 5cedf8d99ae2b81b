"""How predictions are written: JSON lines or CSV, to stdout or a file that appears when it is complete."""

from __future__ import annotations

import csv
import errno
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from penjing.bundle.manifest import Outputs
from penjing.bundle.read import Prediction
from penjing.errors import PenjingError, StorageError, TaskError

Write = Callable[[str, Prediction | PenjingError], None]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def open_output(path: Path | None) -> Iterator[TextIO]:
    """Give stdout, or a file that replaces `path` when all is written."""
    try:
        if path is None:
            yield sys.stdout
            sys.stdout.flush()
        else:
            with _replacing(path) as file:
                yield file
    except OSError as error:  # also what reading the input raises: only a full disk is surely the output's
        if error.errno not in _FULL:
            raise
        if path is None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails again at exit
        shown = "stdout" if path is None else str(path)
        raise StorageError("the disk is full", value=shown, next_step="Free some space and run it again") from error


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """Give a file beside `path` that takes its place at the end, and is gone after an error."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with _as_storage_error(path):
            file = partial.open("w", encoding="utf-8", newline="")
        with file:
            yield file
        with _as_storage_error(path):
            os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _as_storage_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write ({error.strerror})", value=str(path), next_step="Choose another --output"
        ) from error


def writer_for(format_: str | None, path: Path | None, file: TextIO, outputs: Outputs, *, asked: str) -> Write:
    """Return the function that writes one prediction in the format asked for, or that of the file's name.

    `asked` is what is answered: "text", "file" or "row".
    """
    name = format_ or ("csv" if path is not None and path.suffix == ".csv" else "jsonl")
    if name == "jsonl":
        return _jsonl(file, outputs, asked)
    if name == "csv":
        return _csv(file, outputs, asked)
    raise TaskError("unknown --format", value=name, rule="jsonl or csv")


def _jsonl(file: TextIO, outputs: Outputs, asked: str) -> Write:
    def write(given: str, prediction: Prediction | PenjingError) -> None:
        file.write(json.dumps({asked: given, **_values(prediction, outputs)}, ensure_ascii=False) + "\n")

    return write


def _values(prediction: Prediction | PenjingError, outputs: Outputs) -> dict[str, object]:
    if isinstance(prediction, PenjingError):
        return {"error": str(prediction)}
    answer: dict[str, object] = {"labels": prediction.labels} if outputs.multi_label else {"label": prediction.label}
    answer |= {"score": round(prediction.score, 6)}
    answer |= {"missing": prediction.missing} if prediction.missing else {}
    return answer | {"scores": {name: round(p, 6) for name, p in prediction.scores.items()}}


def _csv(file: TextIO, outputs: Outputs, asked: str) -> Write:
    rows = csv.writer(file)
    pictures = asked in {"file", "row"}
    rows.writerow([asked, "label", "score", *outputs.labels, *(["error"] if pictures else [])])

    def write(given: str, prediction: Prediction | PenjingError) -> None:
        if isinstance(prediction, PenjingError):
            rows.writerow([given, "", "", *("" for _ in outputs.labels), str(prediction)])
            return
        label = "|".join(prediction.labels) if outputs.multi_label else prediction.label
        scores = (f"{prediction.scores[name]:.6f}" for name in outputs.labels)
        rows.writerow([given, label, f"{prediction.score:.6f}", *scores, *([""] if pictures else [])])

    return write
