"""Examples that were made or labelled, as a file that `data.more` reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from penjing.errors import DataError
from penjing.files import write_text


def check_target(path: Path) -> None:
    """Raise DataError where `path` cannot become a new CSV file; asked before anything is made."""
    if path.suffix != ".csv":
        raise DataError("examples are written as CSV", value=str(path), rule="a name that ends in .csv")
    if not path.parent.is_dir():
        raise DataError("the folder is not there", value=str(path.parent), next_step="Make it first")
    if path.exists():
        raise DataError("this file exists already", value=str(path), next_step="Choose another name, or remove it")


def write_examples(path: Path, rows: Iterable[Mapping[str, Any]], *, columns: Iterable[str]) -> None:
    """Write the rows with these columns."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, buffer.getvalue())
