"""Where labelled pictures and sounds come from: a folder a label, a table with paths, Parquet with bytes, a package."""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from penjing.data.readers import iter_rows, missing_column
from penjing.errors import DataError
from penjing.pictures import read as pictures
from penjing.pictures.frame import Pixels
from penjing.pictures.read import Source
from penjing.sounds import read as sounds
from penjing.spec import DataSpec

_DIGITS = "sklearn/datasets/data/digits.csv.gz"
_SPLITS = {"train", "training", "dev", "val", "valid", "validation", "test"}
_DIGITS_SHA256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"


@dataclass(frozen=True, slots=True)
class Medium:
    """What files hold, as messages call it, and the names of packages with such files."""

    one: str
    many: str
    suffixes: tuple[str, ...]
    packages: Mapping[str, Callable[[], Iterator[Listed]]]
    column: Callable[[DataSpec], str]
    """The column of a table that holds the path or the bytes."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that was not read yet; `name` is what messages call it."""

    source: Source | Pixels
    label: str
    name: str
    group: str | None = None
    """Files of one group, such as a speaker, stay together where they are split here."""

    @property
    def sha256(self) -> str:
        """The hash of its content; of a file that cannot be read, of its name."""
        content = self.source
        if isinstance(content, np.ndarray):
            content = content.tobytes()
        if isinstance(content, bytes):
            return hashlib.sha256(content).hexdigest()
        try:
            with Path(content).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, ValueError):  # ValueError: a name with a zero byte
            return hashlib.sha256(self.name.encode()).hexdigest()


def shown_name(name: object) -> str:
    """Return a file's name as text, whatever its bytes are.

    >>> shown_name("caf\\udce9.png")
    'caf�.png'
    """
    return os.fsencode(str(name)).decode("utf-8", "replace")


def list_pictures(spec: DataSpec) -> dict[str, list[Listed]]:
    """Return the labelled pictures of each part that is given, as `list_files` does."""
    return list_files(spec, PICTURES)


def list_files(spec: DataSpec, medium: Medium) -> dict[str, list[Listed]]:
    """Return the files of each part that is given; one `source` is the part "train", still to be split.

    Raises:
        DataError: there are none, or a table has no such columns.
    """
    sources = {"train": spec.source or spec.train, "dev": spec.dev, "test": spec.test}
    found = {}
    for part, source in sources.items():
        if source is None:
            continue
        found[part] = list(_listed(source, spec, medium))
        if not found[part]:
            raise DataError(f"no {medium.many} here", value=source, rule="a folder that holds one folder a label")
    return found


def _listed(source: str, spec: DataSpec, medium: Medium) -> Iterator[Listed]:
    scheme, colon, name = source.partition(":")
    if colon and scheme == "package":
        return _from_package(name, medium)
    if colon and scheme == "hf":
        raise DataError(
            f"{medium.many} of the hub are not read",
            value=source,
            next_step="Download the data set's Parquet files, and name one of them",
        )
    path = Path(source)
    return _from_folder(path, medium) if path.is_dir() else _from_table(path, spec, medium)


def _from_folder(folder: Path, medium: Medium) -> Iterator[Listed]:
    labels = sorted(found for found in folder.iterdir() if found.is_dir() and not found.name.startswith("."))
    if labels and all(label.name in _SPLITS for label in labels):
        raise DataError(
            "these folders are splits, not labels",
            value=", ".join(label.name for label in labels),
            next_step=f'Give them apart: data.train = "{folder / labels[-1].name}", data.test = …',
        )
    if not labels:
        raise DataError(
            "this folder holds no folders", value=str(folder), rule=f"one folder a label, with its {medium.many} in it"
        )
    for label in labels:
        files = [path for path in sorted(label.rglob("*")) if path.is_file() and not path.name.startswith(".")]
        if not files:
            raise DataError("a label's folder is empty", value=str(label), next_step=f"Add {medium.many}, or remove it")
        for path in files:
            yield Listed(path, shown_name(label.name), shown_name(path.relative_to(folder).as_posix()))


def _from_table(path: Path, spec: DataSpec, medium: Medium) -> Iterator[Listed]:
    for number, row in enumerate(iter_rows(path, columns=spec.columns), start=1):
        file = medium.column(spec)
        for column in (file, spec.label, *([spec.group] if spec.group else [])):
            if column not in row:
                raise missing_column(column, row.keys(), path)
        if row[spec.label] is None:
            raise DataError("a row has no label", value=f"{path}, row {number}", next_step="Fill it in or remove it")
        found = listed_value(row[file], str(row[spec.label]), path, number, medium=medium)
        yield replace(found, group=group_of(row, spec))


def group_of(row: Mapping[str, Any], spec: DataSpec) -> str | None:
    """Return what a row belongs to; None where there are no groups, or its cell is empty."""
    value = row[spec.group] if spec.group else None
    return None if value is None or not str(value).strip() else str(value)


def listed_value(value: Any, label: str, path: Path, number: int, *, medium: Medium) -> Listed:
    """Return the file of a row: a path, bytes, or {"bytes", "path"} as data sets of the hub have it."""
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return Listed(value, label, f"{path.name}, row {number}")
    if not isinstance(value, str) or not value:
        raise DataError(
            f"a row has no {medium.one}",
            value=f"{path}, row {number}",
            rule=f"a path, or in .parquet the {medium.one}'s bytes",
        )
    return Listed(path.parent / value, label, value)


def _digits() -> Iterator[Listed]:
    try:
        path = Path(str(importlib.metadata.distribution("scikit-learn").locate_file(_DIGITS)))
        content = path.read_bytes()
    except (importlib.metadata.PackageNotFoundError, OSError):
        raise DataError("scikit-learn is not installed", next_step='Run: pip install "penjing[image]"') from None
    if hashlib.sha256(content).hexdigest() != _DIGITS_SHA256:
        raise DataError(f"{_DIGITS} is not the file that is known", value=importlib.metadata.version("scikit-learn"))
    for number, line in enumerate(gzip.decompress(content).decode("ascii").split(), start=1):
        *values, label = (int(float(value)) for value in line.split(","))
        pixels = np.clip(np.array(values).reshape(8, 8, 1) * 16, 0, 255).astype(np.uint8)
        yield Listed(pixels, str(label), f"digit {number}")


PICTURES = Medium("picture", "pictures", pictures.SUFFIXES, {"digits": _digits}, lambda spec: spec.image)
SOUNDS = Medium("sound", "sounds", sounds.SUFFIXES, {}, lambda spec: spec.audio)
MEDIA: Mapping[str, Medium] = {"image": PICTURES, "audio": SOUNDS}
"""By the kind of the task."""


def _from_package(name: str, medium: Medium) -> Iterator[Listed]:
    if name not in medium.packages:
        known = ", ".join(f"package:{one}" for one in medium.packages) or "a folder or a table"
        raise DataError(f"no labelled {medium.many} are known by this name", value=name, rule=known)
    return medium.packages[name]()
