"""Rows to examples: which column is the text, what the labels are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from penjing.data.dataset import Example
from penjing.data.readers import missing_column
from penjing.errors import DataError
from penjing.spec import DataSpec

Row = dict[str, Any]


def to_examples(rows: Iterable[Row], spec: DataSpec, *, origin: object) -> list[Example]:
    """Return one example a row; the text is stripped of surrounding white space and may be empty.

    Raises:
        DataError: a column is missing, or a label is.
    """
    examples = []
    for number, row in enumerate(rows, start=1):
        for name in (spec.text, spec.label):
            if name not in row:
                raise missing_column(name, row.keys(), origin)
        text = "" if row[spec.text] is None else str(row[spec.text]).strip()
        labels = parse_labels(row[spec.label], separator=spec.label_separator)
        if labels is None:
            raise DataError(
                "a row has no label",
                value=f"{origin}, row {number}",
                rule=f"column {spec.label!r} holds a label",
                next_step="Fill it in or remove the row",
            )
        examples.append(Example(text, labels))
    return examples


def parse_labels(value: Any, *, separator: str | None) -> tuple[str, ...] | None:
    """Return the labels a cell holds, or None where it holds none.

    >>> parse_labels(1.0, separator=None), parse_labels("b|a", separator="|"), parse_labels('["x"]', separator="|")
    (('1',), ('a', 'b'), ('x',))
    """
    if isinstance(value, list | tuple):
        return _several([_word(item) for item in value])
    word = _word(value)
    if separator is None:
        return (word,) if word else None
    if word.startswith("["):
        return parse_labels(_json_list(word), separator=separator)
    return _several(word.split(separator))


def _several(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({word.strip() for word in words if word.strip()}))


def _word(value: Any) -> str:
    """Return a label as text: 1.0 and "1" are the same label."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _json_list(word: str) -> list[Any]:
    try:
        found = json.loads(word)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise DataError("a label list is not JSON", value=word, rule='such as ["sports", "politics"]')
    return found
