"""Pictures on the command line: files and folders, one answer each, those that cannot be read named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from penjing.bundle.read import Bundle, Prediction
from penjing.cli.texts import read_texts
from penjing.errors import DataError
from penjing.pictures.read import SUFFIXES


def picture_files(given: Sequence[str] | None, source: str | None, *, column: str) -> Iterator[str]:
    """Return the files named, those of folders in order of their names, or those of a table's column.

    Paths in a table are relative to it.

    Raises:
        DataError: a folder holds no pictures.
    """
    names = read_texts(given, source, column=column, usage="penjing predict BUNDLE photo.jpg folder/")
    beside = Path(source).parent if source not in (None, "-") else Path()
    for name in names:
        path = beside / name
        yield from _inside(path) if path.is_dir() else [str(path)]


def _inside(folder: Path) -> Iterator[str]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError("no pictures in this folder", value=str(folder), rule=", ".join(SUFFIXES))
    yield from map(str, found)


def answer_pictures(
    bundle: Bundle, files: Iterator[str], *, batch_size: int
) -> Iterator[tuple[str, Prediction | DataError]]:
    """Yield each file with its prediction, or with why it cannot be read."""
    while some := list(islice(files, batch_size)):
        items, errors = [], dict[str, DataError]()
        for name in some:
            try:
                items += bundle.prepare([name])
            except DataError as error:
                errors[name] = error
        answers = iter(bundle.answer(items) if items else [])
        yield from ((name, errors.get(name) or next(answers)) for name in some)
