"""Examples that were made or labelled, as a file that `data.more` reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from penjing.augment.journal import Labelled
from penjing.errors import DataError
from penjing.files import storage_error, write_text
from penjing.spec import DataSpec


def check_target(path: Path) -> None:
    """Raise DataError where `path` cannot become a new CSV file; asked before anything is made."""
    if path.suffix != ".csv":
        raise DataError("examples are written as CSV", value=str(path), rule="a name that ends in .csv")
    if not path.parent.is_dir():
        raise DataError("the folder is not there", value=str(path.parent), next_step="Make it first")
    if path.exists():
        raise DataError("this file exists already", value=str(path), next_step="Choose another name, or remove it")


def write_examples(path: Path, rows: Iterable[Mapping[str, Any]], *, columns: Iterable[str]) -> None:
    """Write the rows with these columns.

    Raises:
        StorageError: the disk is full or not writable.
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(columns), lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    try:
        write_text(path, buffer.getvalue())
    except OSError as error:
        raise storage_error(error, path) from error


def write_labelled(path: Path, found: Iterable[Labelled], spec: DataSpec, *, reasons: bool) -> None:
    """Write the texts that have a label, with its reason where reasons were asked for.

    Raises:
        StorageError: the disk is full or not writable.
    """
    reason = "reason" if "reason" not in {spec.text, spec.label} else "reason_of_label"
    columns = (spec.text, spec.label, *([reason] if reasons else []))
    rows = (
        {spec.text: one.text, spec.label: one.label, **({reason: one.reason} if reasons else {})}
        for one in found
        if one.label
    )
    write_examples(path, rows, columns=columns)
