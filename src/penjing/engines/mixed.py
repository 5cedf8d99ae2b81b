"""Rows with several inputs as batches of arrays, with what is there and what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from penjing.engines.base import Batch, Item
from penjing.engines.mixed_inputs import Input, Mixed, array_name, read_row
from penjing.errors import DataError

PRESENT = "present"
MIXED_TYPE = "mixed"


class MixedEncoder:
    """Reads rows: mappings from the names of inputs to values, the same as JSON, or rows that were read before."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self.inputs = tuple(inputs)

    def encode(self, rows: Sequence[Any]) -> Batch:
        """Return the arrays of every input, and present, float32 (rows, inputs): 1 where there is a value."""
        return self._stacked([self._read(row) for row in rows])

    def prepare(self, rows: Sequence[Any]) -> list[Item]:
        """Return each row by itself; each counts one."""
        return [Item(self._read(row), 1, 1) for row in rows]

    def collate(self, items: Sequence[Item]) -> Batch:
        """Return the arrays, as `encode` does."""
        return self._stacked([item.values for item in items])

    def lengths(self, rows: Sequence[Any]) -> list[int]:
        """Return 1 for each row: about the same work."""
        return [1] * len(rows)

    def missing(self, row: Mixed) -> tuple[str, ...]:
        """Return the names of the inputs that a row lacks."""
        return tuple(one.name for one, value in zip(self.inputs, row.values, strict=True) if value is None)

    def _read(self, row: Any) -> Mixed:
        if isinstance(row, Mixed):
            return row
        if isinstance(row, str):
            try:
                row = json.loads(row)
            except (ValueError, RecursionError):
                raise DataError("a row is no JSON object", value=row[:60]) from None
        if not isinstance(row, Mapping):
            raise DataError("not a row", value=type(row).__name__, rule="names of inputs with their values")
        return read_row(self.inputs, row)

    def _stacked(self, rows: Sequence[Mixed]) -> Batch:
        found: dict[str, Any] = {}
        for place, one in enumerate(self.inputs):
            found |= one.stacked([row.values[place] for row in rows], array_name(place))
        there = [[value is not None for value in row.values] for row in rows]
        return {**found, PRESENT: np.array(there, np.float32).reshape(len(rows), len(self.inputs))}
