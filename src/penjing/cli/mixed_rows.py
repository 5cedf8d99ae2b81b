"""Rows with several inputs on the command line: tables, or JSON objects, one answer each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from penjing.bundle.read import Bundle
from penjing.cli.texts import read_texts
from penjing.data.readers import iter_rows
from penjing.engines.mixed import MixedEncoder
from penjing.engines.mixed_inputs import AudioInput, ImageInput
from penjing.errors import DataError

USAGE = "penjing predict BUNDLE --input rows.csv"
Asked = tuple[str, dict[str, Any] | DataError]
"""What a row is called, and its inputs, or why it has none."""


def asked_rows(bundle: Bundle, given: Sequence[str] | None, source: str | None) -> Iterator[Asked]:
    """Yield the rows of a table, its other columns left out, or those given as JSON; paths are relative to the table.

    Raises:
        DataError: the table has none of the inputs' columns.
    """
    encoder = bundle.encoder
    assert isinstance(encoder, MixedEncoder)
    if given or source in (None, "-"):
        for number, text in enumerate(read_texts(given, source, column="row", usage=USAGE), start=1):
            yield f"row {number}", _parsed(text)
        return
    path = Path(str(source))
    for number, row in enumerate(iter_rows(path), start=1):
        found = {one.name: row[one.name] for one in encoder.inputs if one.name in row}
        if not found:
            names = ", ".join(one.name for one in encoder.inputs)
            raise DataError("the table has none of the inputs", value=", ".join(row), rule=names)
        yield f"row {number}", _beside(encoder, found, path.parent)


def _parsed(text: str) -> dict[str, Any] | DataError:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return DataError("a row is no JSON object", value=text[:60])
    return found if isinstance(found, dict) else DataError("a row is no JSON object", value=text[:60])


def _beside(encoder: MixedEncoder, row: dict[str, Any], folder: Path) -> dict[str, Any]:
    files = {one.name for one in encoder.inputs if isinstance(one, ImageInput | AudioInput)}
    return {
        name: str(folder / value) if name in files and isinstance(value, str) and value.strip() else value
        for name, value in row.items()
    }
