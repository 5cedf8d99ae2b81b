"""Tables and JSON lines: each row as it was, with a column `translation` (and `problem` where there is one)."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from itertools import tee
from pathlib import Path
from typing import Any, TextIO

from penjing.data.readers import iter_rows, missing_column
from penjing.translation.documents.work import Outcome, Work

TRANSLATION, PROBLEM = "translation", "problem"

Row = dict[str, Any]


def translate_rows(path: Path, file: TextIO, work: Work) -> Outcome:
    """Translate a column of the file into `file`."""
    outcome = Outcome()
    rows, again = tee(_rows(path, work.column))
    write = _jsonl(file) if path.suffix.lower() == ".jsonl" else _table(file, path)
    for row, found in zip(rows, work.stream(str(row[work.column] or "") for row in again), strict=True):
        outcome.note(found)
        write({**row, TRANSLATION: found.text, PROBLEM: found.problem or ""})
    return outcome


def _rows(path: Path, column: str) -> Iterator[Row]:
    for row in iter_rows(path):
        if column not in row:
            raise missing_column(column, row.keys(), path)
        yield row


def _jsonl(file: TextIO) -> Callable[[Row], None]:
    def write(row: Row) -> None:
        kept = {name: value for name, value in row.items() if name != PROBLEM or value}
        file.write(json.dumps(kept, ensure_ascii=False) + "\n")

    return write


def _table(file: TextIO, path: Path) -> Callable[[Row], None]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    writer: Any = None

    def write(row: Row) -> None:
        nonlocal writer
        if writer is None:
            writer = csv.DictWriter(file, list(row), delimiter=delimiter, lineterminator="\n")
            writer.writeheader()
        writer.writerow(
            {name: str(value).replace("\t", " ") if delimiter == "\t" else value for name, value in row.items()}
        )

    return write
