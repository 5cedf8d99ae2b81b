"""What every stage of a run on rows with several inputs needs: the task, the rows as models read them, their labels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from penjing.data.dataset import Splits
from penjing.data.mixed import RawRow, raw_rows, read_mixed
from penjing.data.pictures import READING
from penjing.engines.mixed import MixedEncoder
from penjing.engines.mixed_inputs import AudioInput, CategoryInput, ImageInput, Input, Mixed, TextInput
from penjing.files import write_text
from penjing.progress import Reporter
from penjing.recipe import Augmentation
from penjing.search.context import LATENCY_INPUTS
from penjing.search.stages import Store
from penjing.spec import Task
from penjing.tasks.classify import Truth, encode_labels
from penjing.train.device import Device, best_device
from penjing.train.fused import InputShape
from penjing.train.fused_rows import LEFT_OUT, Rows

UNREADABLE_NAME = "unreadable.jsonl"
_PARTS = ("train", "dev", "test")
_GOLDEN, _SCALED = 32, 4_096


@dataclass(frozen=True)
class FusedContext:
    """One run of `fit` on rows with several inputs."""

    task: Task
    store: Store
    reporter: Reporter
    device: Device
    splits: Splits
    """The text of an example is the hash of its row."""
    data_key: str
    reads: tuple[Input, ...]
    """How a model reads each input."""
    rows: Mapping[str, tuple[Mixed, ...]]
    raw: Mapping[str, tuple[RawRow, ...]]
    truth: Mapping[str, Truth]

    @property
    def seed(self) -> int:
        """The seed of training."""
        return self.task.recipe.seed

    def inputs(self, split: str) -> Sequence[Mixed]:
        """Return the rows of a split."""
        return self.rows[split]

    def names(self, split: str) -> Sequence[str]:
        """Return what the table calls the rows of a split."""
        return [row.name for row in self.raw[split]]

    def golden(self) -> list[str]:
        """Return rows, whole, whose answers travel with a bundle."""
        return [_whole(row) for row in self.raw["dev"][:_GOLDEN]]

    def timed(self) -> list[str]:
        """Return rows as a worker is told of them: as JSON, with paths."""
        return [row.portable() for row in self.raw["dev"][:LATENCY_INPUTS]]

    def examples(self, split: str, *, without: str | None = None) -> Rows:
        """Return a split as it is, or without one of the inputs."""
        names = [one.name for one in self.reads]
        rows: Sequence[Mixed] = self.rows[split]
        if without is not None:
            rows = [row.without(names.index(without)) for row in rows]
        return Rows(MixedEncoder(self.reads), rows, np.asarray(self.truth[split]), len(self.splits.labels), {})

    def lessons(self) -> Rows:
        """Return the training rows as they are learned from: changed by chance, some inputs left out each time."""
        asked = self.task.recipe.augment
        changes: dict[str, Augmentation] = {}
        for one in self.reads:
            if isinstance(one, AudioInput) and asked in {None, "specaugment"}:
                changes[one.name] = "specaugment"
            elif isinstance(one, ImageInput) and asked not in {"none", "specaugment"}:
                changes[one.name] = asked or "shift"
        found = self.examples("train")
        return Rows(found.encoder, found.rows, found.truth, found.labels, changes, LEFT_OUT)

    def input_shapes(self) -> tuple[InputShape, ...]:
        """Return the sizes of each input, and the scale of its pixels."""
        return tuple(self._shape(place, one) for place, one in enumerate(self.reads))

    def _shape(self, place: int, one: Input) -> InputShape:
        if isinstance(one, TextInput):
            return InputShape(one.name, one.kind, rows=one.buckets)
        if isinstance(one, CategoryInput):
            return InputShape(one.name, one.kind, rows=len(one.values) + 1)
        if not isinstance(one, ImageInput | AudioInput):
            return InputShape(one.name, one.kind)
        found = [value for row in self.rows["train"][:_SCALED] if (value := row.values[place]) is not None]
        pixels = np.stack(found or [np.zeros(one.framing.shape, np.uint8)]).astype(np.float64)
        mean, deviation = pixels.mean((0, 1, 2)), pixels.std((0, 1, 2))
        rows, columns, channels = one.framing.shape
        scale = tuple(round(max(1.0, float(value)), 4) for value in deviation)
        return InputShape(
            one.name, one.kind, rows, columns, channels, tuple(round(float(value), 4) for value in mean), scale
        )


def _whole(row: RawRow) -> str:
    """Return a row as JSON that holds the content of its files."""
    found: dict[str, Any] = json.loads(row.portable())
    for name in row.files:
        value = found.get(name)
        if isinstance(value, str) and Path(value).is_file():
            content = Path(value).read_bytes()
            found[name] = json.loads(RawRow({name: content}, "", "", None, row.files).portable())[name]
    return json.dumps(found, ensure_ascii=False)


def open_fused_run(task: Task, *, output: Path, reporter: Reporter) -> FusedContext:
    """Read the rows; values that cannot be read are listed in `output`, unreadable.jsonl.

    Raises:
        DataError: the rows are not fit for a classifier.
    """
    reporter.begin("rows")
    parts = raw_rows(task.data)
    found = read_mixed(parts, task.data, seconds=task.recipe.seconds, progress=reporter.advance)
    reads = found.inputs
    rows = "".join(f"{json.dumps({'name': one.name, 'why': one.why})}\n" for one in found.unreadable)
    write_text(output / UNREADABLE_NAME, rows)
    splits = found.splits
    counts = ", ".join(f"{len(getattr(splits, part)):,} {part}" for part in _PARTS)
    told = f"; {len(found.unreadable):,} values cannot be read: {output / UNREADABLE_NAME}" * bool(found.unreadable)
    reporter.end(f"{counts}; {len(splits.labels)} labels; {len(reads)} inputs{told}", reused=False)
    return FusedContext(
        task=task,
        store=Store(output / "stages"),
        reporter=reporter,
        device=best_device(),
        splits=splits,
        data_key=_key(splits, reads),
        reads=reads,
        rows=found.rows,
        raw=found.raw,
        truth={part: encode_labels(getattr(splits, part), splits.labels, multi_label=False) for part in _PARTS},
    )


def _key(splits: Splits, reads: Sequence[Input]) -> str:
    """Return what stands for all rows, and how they are read."""
    told = [[[one.text, one.labels[0]] for one in getattr(splits, part)] for part in _PARTS]
    inputs = [one.model_dump(mode="json") for one in reads]
    return hashlib.sha256(json.dumps([READING, told, inputs], ensure_ascii=False).encode()).hexdigest()
