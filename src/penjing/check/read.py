"""A data set as it is, faults and all: every row with all its columns, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from penjing.data.dataset import Example
from penjing.data.labels import Row, parse_labels
from penjing.data.load import read_parts
from penjing.data.readers import iter_rows, missing_column
from penjing.spec import DataSpec


@dataclass(frozen=True)
class Data:
    """The examples of each part; one without a label has none."""

    parts: Mapping[str, Sequence[Example]]
    rows: Mapping[str, Sequence[Row]]
    """The rows of parts that are files, as they were read."""
    spec: DataSpec


def read_data(spec: DataSpec) -> Data:
    """Return what the data holds.

    Raises:
        DataError: it cannot be read, or a column is missing.
    """
    named = {"train": spec.source or spec.train, "dev": spec.dev, "test": spec.test}
    sources = {part: source for part, source in named.items() if source is not None}
    if any(source.startswith(("hf:", "package:")) for source in sources.values()):
        return Data(read_parts(spec), {}, spec)
    rows = {part: list(iter_rows(Path(source), columns=spec.columns)) for part, source in sources.items()}
    return Data({part: _examples(found, spec, sources[part]) for part, found in rows.items()}, rows, spec)


def _examples(rows: Sequence[Row], spec: DataSpec, origin: str) -> list[Example]:
    found = []
    for row in rows:
        for name in (spec.text, spec.label):
            if name not in row:
                raise missing_column(name, row.keys(), origin)
        text = "" if row[spec.text] is None else str(row[spec.text]).strip()
        found.append(Example(text, parse_labels(row[spec.label], separator=spec.label_separator) or ()))
    return found
