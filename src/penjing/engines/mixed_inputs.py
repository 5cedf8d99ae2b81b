"""The inputs of a row, each of its own kind: what a model reads of a value, and of a value that is missing."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

from penjing.engines.ngrams import NgramEncoder
from penjing.errors import DataError
from penjing.pictures.frame import Frame
from penjing.records import Record
from penjing.sounds.spectrogram import Spectrogram

InputKind = Literal["text", "image", "audio", "number", "category"]
Values = NDArray[Any]
_MISSING = {"", "na", "n/a", "nan", "null", "none"}  # of a number or a category, as tables write it
_MOST_GRAMS = 1_000


class TextInput(Record):
    """A text as hashed n-grams: (2, grams) in float64, buckets (from 1 on) and weights."""

    kind: Literal["text"] = "text"
    name: str
    buckets: Annotated[int, Field(ge=16, le=2**20)] = 2**13

    def read(self, value: Any, beside: Path | None) -> Values | None:
        """Return what is read of a text; None where there is none."""
        if not isinstance(value, str):
            raise DataError("not a text", value=f"{self.name}: {type(value).__name__}")
        if not value.strip():
            return None
        buckets, weights = NgramEncoder(self.buckets - 1, (2, 3), (1, 2)).prepare([value])[0].values
        heaviest = np.sort(np.argsort(-weights, kind="stable")[:_MOST_GRAMS])
        return np.stack([buckets[heaviest] + 1.0, weights[heaviest]])

    def stacked(self, found: Sequence[Values | None], name: str) -> dict[str, Values]:
        """Return buckets, int64, and weights, float32: (rows, grams); bucket 0 stands for nothing."""
        width = max((one.shape[1] for one in found if one is not None), default=0) or 1
        buckets, weights = np.zeros((len(found), width), np.int64), np.zeros((len(found), width), np.float32)
        for row, one in enumerate(found):
            if one is not None:
                buckets[row, : one.shape[1]], weights[row, : one.shape[1]] = one
        return {f"{name}.buckets": buckets, f"{name}.weights": weights}


class _FileInput(Record, ABC):
    name: str

    @property
    @abstractmethod
    def framing(self) -> Frame | Spectrogram:
        """How files become pixels."""

    def read(self, value: Any, beside: Path | None) -> Values | None:
        """Return the pixels of a file: a path (relative to `beside`), its content, or {"base64": …}."""
        if isinstance(value, Mapping):
            value = _content(value, self.name)
        if isinstance(value, str):
            if not value.strip():
                return None
            value = Path(value) if beside is None else beside / value
        return self.framing.read(value)

    def stacked(self, found: Sequence[Values | None], name: str) -> dict[str, Values]:
        """Return pixels, uint8 (rows, …); black where there are none."""
        pixels = np.zeros((len(found), *self.framing.shape), np.uint8)
        for row, one in enumerate(found):
            if one is not None:
                pixels[row] = one
        return {name: pixels}


class ImageInput(_FileInput):
    """A picture."""

    kind: Literal["image"] = "image"
    frame: Frame

    @property
    def framing(self) -> Frame:
        """How pictures become pixels."""
        return self.frame


class AudioInput(_FileInput):
    """A sound."""

    kind: Literal["audio"] = "audio"
    spectrogram: Spectrogram

    @property
    def framing(self) -> Spectrogram:
        """How sounds become pixels."""
        return self.spectrogram


class NumberInput(Record):
    """A number, on the scale of those that were learned from."""

    kind: Literal["number"] = "number"
    name: str
    mean: float
    deviation: Annotated[float, Field(gt=0)]

    def read(self, value: Any, beside: Path | None) -> Values | None:
        """Return the scaled number, at most 10 deviations from the mean."""
        number = as_number(value, self.name)
        if number is None:
            return None
        return np.array([np.clip((number - self.mean) / self.deviation, -10, 10)], np.float32)

    def stacked(self, found: Sequence[Values | None], name: str) -> dict[str, Values]:
        """Return float32 (rows, 1); 0 where there is none."""
        return {name: np.array([[0.0] if one is None else one for one in found], np.float32).reshape(-1, 1)}


class CategoryInput(Record):
    """One of some values; another one counts as missing."""

    kind: Literal["category"] = "category"
    name: str
    values: tuple[str, ...]

    def read(self, value: Any, beside: Path | None) -> Values | None:
        """Return the value's number, from 1 on."""
        text = as_category(value)
        return np.array([self.values.index(text) + 1], np.int64) if text in self.values else None

    def stacked(self, found: Sequence[Values | None], name: str) -> dict[str, Values]:
        """Return int64 (rows, 1); 0 where there is none."""
        return {name: np.array([[0] if one is None else one for one in found], np.int64).reshape(-1, 1)}


Input = Annotated[TextInput | ImageInput | AudioInput | NumberInput | CategoryInput, Field(discriminator="kind")]
_INPUTS: TypeAdapter[tuple[Input, ...]] = TypeAdapter(tuple[Input, ...])


def inputs_of(settings: Any) -> tuple[Input, ...]:
    """Return the inputs that a manifest describes."""
    return _INPUTS.validate_python(settings)


def array_name(place: int) -> str:
    """Return what the arrays of an input are called: names of columns may be anything."""
    return f"x{place}"


@dataclass(frozen=True, slots=True)
class Mixed:
    """A row as a model reads it: one value an input, None where it is missing."""

    values: tuple[Values | None, ...]

    def without(self, place: int) -> Mixed:
        """Return the row without one of its values."""
        return Mixed(tuple(None if own == place else one for own, one in enumerate(self.values)))


def read_row(inputs: Sequence[Input], row: Mapping[str, Any], *, beside: Path | None = None) -> Mixed:
    """Return a row; an input that it does not name, or that is None or empty, is missing.

    Raises:
        DataError: a value cannot be read, a name is not known, or everything is missing.
    """
    names = {one.name for one in inputs}
    unknown = [name for name in row if name not in names]
    if unknown:
        raise DataError("unknown input", value=", ".join(unknown), rule=", ".join(sorted(names)))
    found = Mixed(tuple(None if row.get(one.name) is None else one.read(row[one.name], beside) for one in inputs))
    if all(one is None for one in found.values):
        raise DataError("every input is missing", rule=f"at least one of {', '.join(sorted(names))}")
    return found


def as_number(value: Any, name: str) -> float | None:
    """Return a number of a table; None where it is missing.

    Raises:
        DataError: it is none, or infinite.
    """
    if isinstance(value, str) and value.strip().lower() in _MISSING:
        return None
    try:
        number = float(value)
    except (OverflowError, TypeError, ValueError):
        raise DataError("not a number", value=f"{name}: {str(value)[:60]!r}") from None
    if math.isnan(number):
        return None
    if math.isinf(number):
        raise DataError("not a number", value=f"{name}: infinite")
    return number


def as_category(value: Any) -> str | None:
    """Return a category as text, the same whichever kind of file it comes from; None where it is missing.

    >>> as_category(3.0), as_category("3"), as_category(True), as_category("NA")
    ('3', '3', 'true', None)
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    return None if text.lower() in _MISSING else text


def _content(value: Mapping[str, Any], name: str) -> Any:
    """Return the content of {"base64": …}, or of {"bytes", "path"} as data sets of the hub have it."""
    if isinstance(value.get("base64"), str):
        try:
            return b64decode(value["base64"], validate=True)
        except (Base64Error, ValueError):
            raise DataError("not base64", value=name) from None
    return value.get("bytes") or value.get("path") or ""
