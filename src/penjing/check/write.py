"""The data without what is wrong, and with marks in place of personal data; every column stays."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from penjing.check.finding import Finding
from penjing.check.personal_marks import without_personal
from penjing.check.read import Data
from penjing.errors import DataError
from penjing.files import write_text


def cleaned_paths(path: Path, parts: Sequence[str]) -> dict[str, Path]:
    """Return where each part goes: train to `path`, and beside it NAME.dev.csv and NAME.test.csv.

    Raises:
        DataError: `path` does not end in .csv, its folder is not there, or one of them is there already.
    """
    if path.suffix != ".csv":
        raise DataError("cleaned data is written as CSV", value=str(path), rule="a name that ends in .csv")
    if not path.parent.is_dir():
        raise DataError("the folder is not there", value=str(path.parent), next_step="Make it first")
    found = {part: path if part == "train" else path.with_suffix(f".{part}.csv") for part in parts}
    there = [str(one) for one in found.values() if one.exists()]
    if there:
        raise DataError(
            "this file exists already", value=", ".join(there), next_step="Choose another name, or remove it"
        )
    return found


def write_cleaned(data: Data, findings: Sequence[Finding], paths: Mapping[str, Path]) -> dict[str, int]:
    """Write what is left of each part; return how many rows each has."""
    dropped = {place for finding in findings if finding.dropped for place in finding.places}
    counts = {}
    for part, path in paths.items():
        rows = data.rows.get(part) or [
            {data.spec.text: one.text, data.spec.label: (data.spec.label_separator or "|").join(one.labels)}
            for one in data.parts[part]
        ]
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        kept = [row for number, row in enumerate(rows) if (part, number) not in dropped]
        writer.writerows({**row, data.spec.text: without_personal(str(row[data.spec.text]))} for row in kept)
        write_text(path, buffer.getvalue())
        counts[part] = len(kept)
    return counts
