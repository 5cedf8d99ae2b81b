"""Reads rows from CSV, TSV, JSON lines, Parquet and text files, one at a time."""

from __future__ import annotations

import codecs
import csv
import difflib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from penjing.errors import DataError, MissingExtraError

Row = dict[str, Any]
TEXT = "text"
_MOST_FIELD = 10 * 2**20  # characters in one field
_ENCODINGS = ("gb18030", "cp1252")
_TRIED = {"gb18030": "gb2312"}
"""What stands for an encoding: nearly all bytes are sound GB 18030, and nearly all Chinese texts are GB 2312."""
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def iter_texts(path: Path, *, column: str) -> Iterator[str]:
    """Yield the texts of a file: a column of .csv, .tsv, .jsonl or .parquet, or the lines of .txt.

    Raises:
        DataError: the file is missing, not UTF-8 or malformed, or has no such column.
    """
    if path.suffix == ".txt":
        column = TEXT
    for number, row in enumerate(iter_rows(path), start=1):
        if column not in row:
            raise missing_column(column, row.keys(), path)
        if row[column] is None:
            raise DataError("a row has no text", value=f"{path}, row {number}", next_step="Fill it in or remove it")
        yield str(row[column])


def iter_rows(path: Path, *, columns: Sequence[str] | None = None) -> Iterator[Row]:
    """Yield the rows of a file as dictionaries; `columns` names those of CSV and TSV files without a header line.

    Raises:
        DataError: the file is missing, empty, of an unknown kind, not UTF-8, or malformed.
    """
    reader = _READERS.get(path.suffix.lower())
    if path.is_dir():
        raise DataError("the data is a folder", value=str(path), next_step="Name a file in it")
    if not path.exists():
        raise DataError("data file not found", value=str(path), next_step="Check the path")
    if reader is None:
        raise DataError("unknown kind of data file", value=path.name, rule=f"one of {', '.join(sorted(_READERS))}")
    if path.stat().st_size == 0:
        raise DataError("the data file is empty", value=str(path), next_step="Check how it was written")
    try:
        yield from reader(path, columns)
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from None


def missing_column(name: str, found: Any, path: object, *, option: str | None = None) -> DataError:
    """Return the error that names the columns found and guesses the one that was meant."""
    names = [str(column) for column in found]
    close = difflib.get_close_matches(name, names, n=1)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    where = (
        f"Name it: {option}"
        if option
        else ("Set the column's name in the task (data.text, data.image, data.label), or with the command's option")
    )
    return DataError(
        f"no column {name!r} in {path}",
        value=f"columns found: {', '.join(names[:20])}",
        next_step=f"{guess}{where}",
    )


def _delimited(delimiter: str) -> Callable[[Path, Sequence[str] | None], Iterator[Row]]:
    def read(path: Path, columns: Sequence[str] | None) -> Iterator[Row]:
        csv.field_size_limit(_MOST_FIELD)
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(
                file, delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
            )
            try:
                header = list(columns) if columns is not None else next(rows, [])
                for row in rows:
                    if row:
                        yield _named(header, row, path, rows.line_num)
            except csv.Error as error:
                raise DataError(
                    "malformed file",
                    value=f"{path}, line {rows.line_num}: {error}",
                    next_step="Correct that line",
                ) from None

    return read


def _named(header: Sequence[str], row: Sequence[str], path: Path, line: int) -> Row:
    if len(row) != len(header):
        raise DataError(
            f"a row has {len(row)} fields, not {len(header)}",
            value=f"{path}, line {line}",
            rule=f"columns: {', '.join(header)}",
            next_step="Quote fields that hold the delimiter, or give data.columns if there is no header line",
        )
    return dict(zip(header, row, strict=True))


def _jsonl(path: Path, _: Sequence[str] | None) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError("not JSON", value=f"{path}, line {number}: {error}", rule="one object a line") from None
            if not isinstance(row, dict):
                raise DataError("not a JSON object", value=f"{path}, line {number}", rule="one object a line")
            yield row


def _parquet(path: Path, _: Sequence[str] | None) -> Iterator[Row]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("pyarrow", extra="train") from None
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError("not a Parquet file", value=f"{path}: {error}") from None


def _lines(path: Path, _: Sequence[str] | None) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        yield from ({TEXT: line.rstrip("\r\n")} for line in _short_lines(file, path))


def _short_lines(file: IO[str], path: Path) -> Iterator[str]:
    while line := file.readline(_MOST_FIELD):
        if len(line) >= _MOST_FIELD:
            raise DataError("a line is too long", value=str(path), rule=f"at most {_MOST_FIELD:,} characters")
        yield line


_READERS: dict[str, Callable[[Path, Sequence[str] | None], Iterator[Row]]] = {
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".jsonl": _jsonl,
    ".parquet": _parquet,
    ".txt": _lines,
}


def _not_utf8(path: Path, error: UnicodeDecodeError) -> DataError:
    with path.open("rb") as file:
        sample = file.read(65536)
    marked = next((name for mark, name in _MARKS.items() if sample.startswith(mark)), None)
    likely = marked or next((name for name in _ENCODINGS if _decodes(sample, _TRIED.get(name, name))), _ENCODINGS[-1])
    return DataError(
        f"{path} is not UTF-8",
        value=f"byte {error.object[error.start]:#04x}",
        rule="UTF-8",
        next_step=f"It may be {likely}. Run: iconv -f {likely} -t utf-8 {path.name} > utf8{path.suffix}",
    )


def _decodes(sample: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return False
    return True
