"""Where a command takes its texts from: arguments, a file, or stdin."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from penjing.errors import DataError, TaskError


def read_texts(texts: Sequence[str] | None, source: str | None, *, column: str, usage: str) -> Iterator[str]:
    """Return the texts of the arguments, or those of a file or stdin ("-"), one at a time.

    `usage` is what to write where there is none.
    """
    check_source(texts, source)
    if texts:
        return iter(texts)
    if source is None and sys.stdin.isatty():
        raise TaskError("no text", next_step=f"Write {usage}, or --input FILE, or --input -")
    if source is None or source == "-":
        return _lines()
    return _column(Path(source), column)


def check_source(texts: Sequence[str] | None, source: str | None) -> None:
    """Raise TaskError where texts are given and a file of them, too."""
    if texts and source:
        raise TaskError("texts and --input were both given", next_step="Give the texts, or --input FILE")


def _lines() -> Iterator[str]:
    """Yield the lines of stdin; an empty line is an empty text, so that answers keep their places."""
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            yield line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise DataError(
                "stdin is not UTF-8",
                value=f"line {number}",
                next_step="Convert it: iconv -f gb18030 -t utf-8",
            ) from None


def _column(path: Path, column: str) -> Iterator[str]:
    from penjing.data.readers import iter_texts

    return iter_texts(path, column=column)
