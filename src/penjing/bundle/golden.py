"""golden.jsonl: texts with the answers they got where the bundle was made, to compare with elsewhere."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from penjing.engines import Logits
from penjing.errors import BundleError
from penjing.records import Record

GOLDEN_NAME = "golden.jsonl"
GOLDEN_TEXTS = 64
_MOST_BYTES = 64 * 2**20
_SOUND = b"fLaC"  # how a FLAC file begins

R = TypeVar("R", bound=Record)


class GoldenRow(Record):
    """One text, picture or sound, and its answer."""

    text: str = ""
    image: str | None = None
    """A picture's file in base64."""
    audio: str | None = None
    """A sound's file in base64."""
    logits: tuple[float, ...]
    label: str

    @property
    def source(self) -> str | bytes:
        """The text, or the file."""
        file = self.image or self.audio
        return self.text if file is None else b64decode(file)


@dataclass(frozen=True)
class Comparison:
    """How answers here compare with the golden ones."""

    n: int
    largest_difference: float
    """Of a logit."""
    labels_changed: int


def choose_texts(texts: Sequence[str], *, count: int = GOLDEN_TEXTS) -> list[str]:
    """Return texts spread evenly over the lengths, shortest first; fewer where there are fewer."""
    ordered = sorted(dict.fromkeys(texts), key=lambda text: (len(text), text))
    places = np.unique(np.linspace(0, len(ordered) - 1, min(count, len(ordered))).round().astype(int))
    return [ordered[place] for place in places]


def write_golden(path: Path, inputs: Sequence[str | bytes], logits: Logits, labels: Sequence[str]) -> None:
    """Write the rows of a golden file; inputs are texts, or the files of pictures or sounds."""
    rows = (
        {
            **_stored(one),
            "logits": [round(float(value), 6) for value in row],
            "label": labels[int(row.argmax())],
        }
        for one, row in zip(inputs, logits, strict=True)
    )
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _stored(one: str | bytes) -> dict[str, str]:
    if isinstance(one, str):
        return {"text": one}
    return {"audio" if one.startswith(_SOUND) else "image": b64encode(one).decode("ascii")}


def read_golden(folder: Path) -> tuple[GoldenRow, ...]:
    """Return the golden rows of a bundle that classifies."""
    return read_golden_rows(folder, GoldenRow)


def read_golden_rows(folder: Path, kind: type[R]) -> tuple[R, ...]:
    """Return the golden rows of a bundle, each of `kind`.

    Raises:
        BundleError: there are none, or they are damaged.
    """
    path = folder / GOLDEN_NAME
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise BundleError(
            "this bundle has no golden answers", value=str(folder), next_step="Make it again: penjing fit"
        )
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # splitlines() also cuts at U+2028
        return tuple(kind.model_validate_json(line) for line in lines if line)
    except (ValidationError, UnicodeDecodeError):
        raise BundleError(f"{path} is damaged", next_step="Copy the bundle again") from None


def compare(rows: Sequence[GoldenRow], found: NDArray[np.float32]) -> Comparison:
    """Return how far `found` (texts, labels) is from the golden answers."""
    expected = np.array([row.logits for row in rows], np.float32)
    if expected.shape != found.shape:
        raise BundleError("golden answers have another number of labels than the model", value=str(expected.shape))
    changed = int((expected.argmax(axis=1) != found.argmax(axis=1)).sum())
    return Comparison(len(rows), float(np.abs(expected - found).max(initial=0.0)), changed)
