"""Pictures and sounds on the command line: files, folders and tables, one answer each, what cannot be read named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from penjing.bundle.read import Bundle, Prediction
from penjing.cli.texts import read_texts
from penjing.data.labelled_files import Medium, listed_value, shown_name
from penjing.data.readers import iter_rows, missing_column
from penjing.engines.pixels import Pixels
from penjing.errors import DataError, TaskError
from penjing.pictures.read import Source
from penjing.sounds.read import RATE, read_sound
from penjing.sounds.spectrogram import Spectrogram
from penjing.spec import DataSpec

USAGE = "penjing predict BUNDLE FILE FOLDER"
Asked = tuple[str, Source | Pixels | DataError]
"""What a file is called, and where it is, or why it is nowhere."""


def asked_files(
    given: Sequence[str] | None, source: str | None, *, column: str | None, medium: Medium
) -> Iterator[Asked]:
    """Yield the files named, those of folders in order of their names; or a table's, or those of lines on stdin.

    Paths in a file are relative to it. A row without a file keeps its place, as an error.

    Raises:
        DataError: a table has no such column.
    """
    column = column or medium.column(DataSpec(source="-"))
    if given or source in (None, "-"):
        names = read_texts(given, source, column=column, usage=USAGE)
        return _named(names, medium) if given else (_line(name, Path(), medium) for name in names)
    path = Path(str(source))
    if path.suffix == ".txt":
        return (_line(name, path.parent, medium) for name in read_texts(None, str(path), column=column, usage=USAGE))
    return _rows(path, column, medium)


def _named(names: Iterator[str], medium: Medium) -> Iterator[Asked]:
    for name in names:
        path = Path(name)
        if not path.is_dir():
            yield shown_name(name), path
            continue
        inside = sorted(found for found in path.rglob("*") if found.suffix.lower() in medium.suffixes)
        if not inside:
            error = DataError(f"no {medium.many} in this folder", value=name, rule=", ".join(medium.suffixes))
            yield shown_name(name), error
        yield from ((shown_name(found), found) for found in inside)


def _line(name: str, beside: Path, medium: Medium) -> Asked:
    return shown_name(name), beside / name if name else DataError(f"an empty line is no {medium.one}")


def _rows(path: Path, column: str, medium: Medium) -> Iterator[Asked]:
    for number, row in enumerate(iter_rows(path), start=1):
        if column not in row:
            raise missing_column(column, row.keys(), path, option="--column")
        try:
            found = listed_value(row[column], "", path, number, medium=medium)
        except DataError as error:
            yield f"row {number}", error
        else:
            source = found.source
            assert isinstance(source, str | Path | bytes)
            yield found.name, source


def parts_of(bundle: Bundle, asked: Iterator[Asked]) -> Iterator[Asked]:
    """Yield the parts of each sound that are as long as the model hears, named by their times: talk.wav#t=1.5,3.

    Parts overlap by half, for what is heard may begin in any of them. Source of the names: Media Fragments URI 1.0.

    Raises:
        TaskError: the bundle is not for sounds.
    """
    spectrogram = bundle.framing
    if not isinstance(spectrogram, Spectrogram):
        raise TaskError("--windows are parts of sounds", value=bundle.manifest.kind, rule="a bundle for sounds")
    for name, source in asked:
        try:
            if isinstance(source, DataError):
                raise source
            assert not isinstance(source, np.ndarray)
            samples = read_sound(source)
        except DataError as error:
            yield name, error
            continue
        for begin, end in spectrogram.windows(len(samples)):
            yield f"{name}#t={begin / RATE:g},{end / RATE:g}", spectrogram.picture(samples[begin:end])


def answer_files(
    bundle: Bundle, asked: Iterator[tuple[str, Any]], *, batch_size: int
) -> Iterator[tuple[str, Prediction | DataError]]:
    """Yield each file's name with its prediction, or with why it cannot be read."""
    while some := list(islice(asked, batch_size)):
        items, found = [], list[DataError | None]()
        for _, source in some:
            error = source if isinstance(source, DataError) else None
            if not isinstance(source, DataError):
                try:
                    items += bundle.prepare([source])
                except DataError as refused:
                    error = refused
            found.append(error)
        answers = iter(bundle.answer(items) if items else [])
        yield from ((name, error or next(answers)) for (name, _), error in zip(some, found, strict=True))
