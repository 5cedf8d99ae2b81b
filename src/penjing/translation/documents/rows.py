"""Tables and JSON lines: each row as it was, with a column `translation` (and `problem` where there is one)."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import tee
from pathlib import Path
from typing import Any, TextIO

from penjing.data.readers import iter_rows, missing_column
from penjing.errors import DataError
from penjing.translation.documents.work import Outcome, Work

TRANSLATION, PROBLEM = "translation", "problem"

Row = dict[str, Any]


def translate_rows(path: Path, file: TextIO, work: Work) -> Outcome:
    """Translate a column of the file into `file`."""
    outcome = Outcome()
    rows, again = tee(_rows(path, work.column))
    write = _jsonl(file) if path.suffix.lower() == ".jsonl" else _table(file, path)
    for row, found in zip(rows, work.stream(_text(row[work.column]) for row in again), strict=True):
        outcome.note(found)
        write({**row, TRANSLATION: found.text, PROBLEM: found.problem or ""})
    return outcome


def _rows(path: Path, column: str) -> Iterator[Row]:
    for row in iter_rows(path):
        if column not in row:
            raise missing_column(column, row.keys(), path, option="--column NAME")
        for taken in (TRANSLATION, PROBLEM):
            if taken in row:
                raise DataError("the file has this column already", value=taken, next_step="Rename it")
        yield row


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _jsonl(file: TextIO) -> Callable[[Row], None]:
    def write(row: Row) -> None:
        kept = {name: value for name, value in row.items() if name != PROBLEM or value}
        file.write(json.dumps(kept, ensure_ascii=False) + "\n")

    return write


def _table(file: TextIO, path: Path) -> Callable[[Row], None]:
    """Return what writes rows as .csv, or as .tsv, which knows no quotes: there white space becomes one space."""
    if path.suffix.lower() == ".csv":
        writer = csv.writer(file, lineterminator="\n")
        put: Callable[[Iterable[str]], Any] = writer.writerow
    else:

        def put(values: Iterable[str]) -> None:
            file.write("\t".join(" ".join(value.split()) for value in values) + "\n")

    header: list[str] = []

    def write(row: Row) -> None:
        if not header:
            header.extend(row)
            put(header)
        put([_text(value) for value in row.values()])

    return write
