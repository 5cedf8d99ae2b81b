"""From a table whose rows have several inputs to three splits of rows that can be trusted."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from penjing.data.checks import check_splits, clean, label_names
from penjing.data.dataset import Example, Splits
from penjing.data.labelled_files import Listed, group_of
from penjing.data.pictures import Unreadable, completed_splits, frame_for, limited, without_leaks
from penjing.data.readers import iter_rows, missing_column
from penjing.data.sounds import seconds_of_most
from penjing.engines.mixed_inputs import (
    AudioInput,
    CategoryInput,
    ImageInput,
    Input,
    Mixed,
    NumberInput,
    TextInput,
    Values,
    as_category,
    as_number,
)
from penjing.errors import DataError
from penjing.sounds.spectrogram import Spectrogram
from penjing.spec import DataSpec, InputKind

_MOST_CATEGORIES, _LEAST_SEEN = 1_000, 2
_MOST_SECONDS, _SIDE, _LARGEST_PICTURE = 5.0, 64, 64
Raw = Mapping[str, Any]
"""A row as the table has it: the inputs' columns, paths relative to the table."""
Progress = Callable[[float, float], None]


@dataclass(frozen=True)
class RawRow:
    """A row that was not read yet."""

    values: Raw
    label: str
    name: str
    group: str | None
    files: frozenset[str]
    """The inputs that are files: paths are whole."""

    @cached_property
    def digest(self) -> str:
        """The hash of what its cells hold, files by their content."""
        told = {name: _told(value, file=name in self.files) for name, value in sorted(self.values.items())}
        return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()

    def portable(self) -> str:
        """Return the row as JSON that needs no files beside it."""
        return json.dumps({name: _portable(value) for name, value in self.values.items()}, ensure_ascii=False)


@dataclass(frozen=True)
class MixedSplits:
    """Three splits; the text of an example is the hash of its row."""

    splits: Splits
    inputs: tuple[Input, ...]
    rows: Mapping[str, tuple[Mixed, ...]]
    """Of each split, in the order of its examples."""
    raw: Mapping[str, tuple[RawRow, ...]]
    """The same rows as the table has them."""
    unreadable: tuple[Unreadable, ...]
    """Values that could not be read, and count as missing."""


def raw_rows(spec: DataSpec) -> dict[str, list[RawRow]]:
    """Return the rows of each part that is given; one `source` is the part "train", still to be split.

    Raises:
        DataError: a table has no such columns, or a row no label.
    """
    sources = {"train": spec.source or spec.train, "dev": spec.dev, "test": spec.test}
    return {part: list(_rows(Path(source), spec)) for part, source in sources.items() if source is not None}


def _rows(path: Path, spec: DataSpec) -> Iterator[RawRow]:
    needed = (*spec.inputs, spec.label, *([spec.group] if spec.group else []))
    files = frozenset(name for name, kind in spec.inputs.items() if kind in {"image", "audio"})
    for number, row in enumerate(iter_rows(path, columns=spec.columns), start=1):
        for column in needed:
            if column not in row:
                raise missing_column(column, row.keys(), path)
        if row[spec.label] is None:
            raise DataError("a row has no label", value=f"{path}, row {number}", next_step="Fill it in or remove it")
        values = {name: _whole(row[name], path.parent) if name in files else row[name] for name in spec.inputs}
        yield RawRow(values, str(row[spec.label]), f"{path.name}, row {number}", group_of(row, spec), files)


def _whole(value: Any, folder: Path) -> Any:
    """Return a file's cell with its path whole: paths are relative to the table."""
    if isinstance(value, Mapping) and isinstance(value.get("path"), str) and not value.get("bytes"):
        value = value["path"]
    return str(folder.absolute() / value) if isinstance(value, str) and value.strip() else value


def _told(value: Any, *, file: bool) -> str:
    content = _file(value) if file else value
    if isinstance(content, str) and file:
        return Listed(content, "", content).sha256 if content.strip() else ""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    return json.dumps(content, sort_keys=True, default=str)


def _portable(value: Any) -> Any:
    content = _file(value)
    return {"base64": b64encode(content).decode("ascii")} if isinstance(content, bytes) else content


def inputs_for(rows: Sequence[RawRow], spec: DataSpec, *, seconds: float | None) -> tuple[Input, ...]:
    """Return how a model reads rows like these: sizes of pictures and sounds, scales of numbers, known categories.

    Raises:
        DataError: a column holds nothing that can be read.
    """
    return tuple(_input(name, kind, rows, spec, seconds) for name, kind in spec.inputs.items())


def _input(name: str, kind: InputKind, rows: Sequence[RawRow], spec: DataSpec, seconds: float | None) -> Input:
    cells = [row.values[name] for row in rows if row.values[name] is not None]
    if kind == "text":
        return TextInput(name=name)
    if kind == "number":
        numbers = [number for cell in cells if (number := _number(cell, name)) is not None]
        if not numbers:
            raise DataError("a column holds no number", value=name)
        mean, deviation = float(np.mean(numbers)), float(np.std(numbers)) or 1.0
        if not np.isfinite([mean, deviation]).all():
            raise DataError("a column's numbers are too large", value=name)
        return NumberInput(name=name, mean=mean, deviation=deviation)
    if kind == "category":
        counts = Counter(text for cell in cells if (text := as_category(cell)) is not None)
        known = [text for text, count in counts.most_common(_MOST_CATEGORIES) if count >= _LEAST_SEEN]
        return CategoryInput(name=name, values=tuple(sorted(known)))
    listed = [Listed(_file(cell), "", row.name) for row in rows if (cell := row.values[name])]
    if not listed:
        raise DataError("a column holds no file", value=name)
    if kind == "image":
        frame = frame_for(listed, seed=spec.seed)
        return ImageInput(name=name, frame=frame.model_copy(update={"size": min(frame.size, _LARGEST_PICTURE)}))
    heard = seconds or seconds_of_most(listed, most=_MOST_SECONDS, seed=spec.seed)
    return AudioInput(name=name, spectrogram=Spectrogram(bands=_SIDE, moments=_SIDE, seconds=heard))


def _number(cell: Any, name: str) -> float | None:
    try:
        return as_number(cell, name)
    except DataError:
        return None


def _file(cell: Any) -> Any:
    """Return a path or the content of a file's cell, or the cell as it is where it is neither."""
    if not isinstance(cell, Mapping):
        return cell
    if isinstance(cell.get("base64"), str):
        with suppress(ValueError):
            return b64decode(cell["base64"], validate=True)
    return cell.get("bytes") or cell.get("path") or ""


def read_mixed(
    parts: Mapping[str, Sequence[RawRow]], spec: DataSpec, *, seconds: float | None, progress: Progress
) -> MixedSplits:
    """Return the splits: without repeats and leaks, split where not given, read as the training rows ask, and checked.

    Values that cannot be read count as missing, and are named in `unreadable`; rows with nothing are left out.

    Raises:
        DataError: they are not fit for a classifier.
    """
    examples, origin, notes = _split(parts, spec)
    inputs = inputs_for([origin[one.text] for one in examples["train"]], spec, seconds=seconds)
    rows: dict[str, Mixed] = {}
    unreadable: list[Unreadable] = []
    total = sum(map(len, examples.values()))
    for part, found in examples.items():
        for one in found:
            rows[one.text], failed = _read(origin[one.text], inputs)
            unreadable += failed
            progress(len(rows), total)
        kept = tuple(one for one in found if any(value is not None for value in rows[one.text].values))
        notes += [f"{part}: {len(found) - len(kept):,} rows without any input left out"] * (len(kept) < len(found))
        examples[part] = kept
    splits = Splits(
        train=examples["train"],
        dev=examples["dev"],
        test=examples["test"],
        labels=label_names(examples["train"], origin="train"),
        notes=tuple(notes),
    )
    check_splits(splits)
    return MixedSplits(
        splits,
        inputs,
        {part: tuple(rows[one.text] for one in found) for part, found in examples.items()},
        {part: tuple(origin[one.text] for one in found) for part, found in examples.items()},
        tuple(unreadable),
    )


def _split(
    parts: Mapping[str, Sequence[RawRow]], spec: DataSpec
) -> tuple[dict[str, tuple[Example, ...]], dict[str, RawRow], list[str]]:
    """Return the examples of each split, the row that each stands for, and what was left out."""
    origin: dict[str, RawRow] = {}
    notes = list[str]()
    examples: dict[str, tuple[Example, ...]] = {}
    for part, raw in parts.items():
        for one in raw:
            origin.setdefault(one.digest, one)
        cleaned = clean([Example(one.digest, (one.label,)) for one in raw], origin=part)
        examples[part] = cleaned.examples
        notes += [note.replace("texts", "rows").replace("text", "row") for note in cleaned.notes]
    groups = {digest: one.group for digest, one in origin.items() if one.group}
    found, leaks = without_leaks(completed_splits(examples, spec, groups), many="rows")
    return limited(found, spec), origin, [*notes, *leaks]


def _read(row: RawRow, inputs: Sequence[Input]) -> tuple[Mixed, list[Unreadable]]:
    """Return a row, and the values of it that could not be read."""
    found: list[Values | None] = []
    failed = []
    for one in inputs:
        try:
            value = row.values.get(one.name)
            found.append(None if value is None else one.read(value, None))
        except DataError as error:
            found.append(None)
            failed.append(Unreadable(f"{row.name}, {one.name}", str(error)))
    return Mixed(tuple(found)), failed
