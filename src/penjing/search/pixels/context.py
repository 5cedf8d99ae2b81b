"""What every stage of a run on pictures or sounds needs: the task, pixels with their labels, and where models start."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from penjing.data.dataset import Example, Splits
from penjing.data.labelled_files import Listed, Medium, list_files
from penjing.data.pictures import READING, PictureSplits, listing_key, read_splits
from penjing.engines.pixels import Framing
from penjing.files import write_text
from penjing.pictures.frame import Pixels, png
from penjing.progress import Reporter
from penjing.recipe import Augmentation
from penjing.search.context import LATENCY_INPUTS
from penjing.search.stages import Store
from penjing.spec import Task
from penjing.tasks.classify import Truth, encode_labels
from penjing.train.device import Device, best_device
from penjing.train.pictures import Pictures
from penjing.train.references import PretrainedModel

NEW, NO_CONVNET = "new", "none"
_SCALED_VALUES = 10_000_000  # from which mean and deviation of the pixels are taken
UNREADABLE_NAME = "unreadable.jsonl"
_FOUND = "examples.json"
_PARTS = ("train", "dev", "test")


class Sense(Protocol):
    """What pictures and sounds do each their own way."""

    @property
    def medium(self) -> Medium:
        """What the files hold."""
        ...

    def resolve(self, reference: str, cache: Path) -> PretrainedModel:
        """Return the model that `reference` names."""
        ...

    def framing(self, parts: Mapping[str, Sequence[Listed]], task: Task, model: PretrainedModel | None) -> Framing:
        """Return how files become pixels.

        Raises:
            TaskError: the recipe asks for what cannot be.
        """
        ...

    def restore(self, settings: Mapping[str, Any]) -> Framing:
        """Return what `Framing.settings` described."""
        ...

    def golden(self, context: PixelContext) -> list[bytes]:
        """Return the files whose answers travel with a bundle."""
        ...

    def augmentation(self, epochs: float) -> Augmentation:
        """Return how examples that are seen so often are changed."""
        ...


@dataclass(frozen=True)
class PixelContext:
    """One run of `fit` on pictures or sounds."""

    task: Task
    store: Store
    reporter: Reporter
    device: Device
    splits: Splits
    """The text of an example is the SHA-256 of its pixels."""
    data_key: str
    sense: Sense
    framing: Framing
    pixels: Mapping[str, Pixels]
    """Of "train", "dev" and "test": uint8 (examples, rows, columns, channels)."""
    shown: Mapping[str, tuple[str, ...]]
    """What a person is shown of each example: its name."""
    truth: Mapping[str, Truth]
    model: PretrainedModel | None
    """None where the model starts from nothing."""
    examples: Path
    """A folder of some files of dev as they came, for measuring."""

    @property
    def seed(self) -> int:
        """The seed of training."""
        return self.task.recipe.seed

    @property
    def side(self) -> int:
        """Rows of pixels."""
        return self.framing.shape[0]

    @property
    def base_key(self) -> dict[str, Any]:
        """What every model of this run depends on."""
        return {"data": self.data_key, "model": self.model.key if self.model else NEW}

    @property
    def convnet(self) -> str:
        """Who teaches the second token: "new", "none" or a reference."""
        return self.task.recipe.convnet or (NEW if self.model is None else NO_CONVNET)

    @property
    def scaling(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and deviation of the training pixels, by channel."""
        pixels = self.pixels["train"]
        count = min(len(pixels), max(64, _SCALED_VALUES // pixels[0].size))
        sample = pixels[np.linspace(0, len(pixels) - 1, count).astype(int)].astype(np.float64)
        mean, deviation = sample.mean((0, 1, 2)), sample.std((0, 1, 2))
        return (
            tuple(round(float(value), 4) for value in mean),
            tuple(round(max(1.0, float(value)), 4) for value in deviation),
        )

    def inputs(self, split: str) -> Sequence[Pixels]:
        """Return the pixels of a split."""
        return list(self.pixels[split])

    def names(self, split: str) -> Sequence[str]:
        """Return the names of the files of a split."""
        return self.shown[split]

    def golden(self) -> list[bytes]:
        """Return the files whose answers travel with a bundle."""
        return self.sense.golden(self)

    def timed(self) -> list[str]:
        """Return files as they came."""
        return [str(path) for path in sorted(self.examples.iterdir())]

    def pictures(self, split: str) -> Pictures:
        """Return a split as it is."""
        return Pictures(self.pixels[split], self.truth[split], len(self.splits.labels))

    def lessons(self, *, epochs: float) -> Pictures:
        """Return the training examples as a model that sees each of them so often takes them: changed by chance."""
        recipe = self.task.recipe
        changed = recipe.augment or self.sense.augmentation(epochs)
        return replace(self.pictures("train"), augmentation=changed, mixup=recipe.mixup)


def open_run(task: Task, sense: Sense, *, output: Path, cache: Path, reporter: Reporter) -> PixelContext:
    """Read the files; what cannot be read is listed in `output`, unreadable.jsonl.

    Raises:
        DataError: the files are not fit for a classifier.
        ModelError: the model is missing, or is none for them.
    """
    store, medium = Store(output / "stages"), sense.medium
    reporter.begin("model")
    model = None if task.model == NEW else sense.resolve(task.model, cache)
    reporter.end("from nothing" if model is None else f"{model.origin.name} ({model.origin.licence})", reused=False)
    reporter.begin(medium.many)
    parts = list_files(task.data, medium)
    framing = sense.framing(parts, task, model)
    inputs = {
        "listing": listing_key(parts),
        "data": task.data.model_dump(include={"split", "seed", "max_train", "max_eval"}),
        "framing": framing.settings(),
        "reading": READING,
    }

    def make(folder: Path, _: Path) -> None:
        _write(read_splits(parts, task.data, framing, medium=medium, progress=reporter.advance), framing, folder)

    stage = store.stage(medium.many, inputs, make)
    found = json.loads((stage.folder / _FOUND).read_text(encoding="utf-8"))
    splits = _splits(found)
    framing = sense.restore(found["framing"])
    write_text(output / UNREADABLE_NAME, "".join(f"{json.dumps(row)}\n" for row in found["unreadable"]))
    counts = ", ".join(f"{len(getattr(splits, part)):,} {part}" for part in _PARTS)
    unreadable = f"; {len(found['unreadable']):,} cannot be read: {output / UNREADABLE_NAME}" * bool(
        found["unreadable"]
    )
    reporter.end(
        f"{counts}; {len(splits.labels)} labels; {framing.shape[0]} x {framing.shape[1]}{unreadable}",
        reused=stage.reused,
    )
    return PixelContext(
        task=task,
        store=store,
        reporter=reporter,
        device=best_device(),
        splits=splits,
        data_key=stage.key,
        sense=sense,
        framing=framing,
        pixels={part: np.load(stage.folder / f"{part}.npy", mmap_mode="r") for part in _PARTS},
        shown={part: tuple(found["names"][part]) for part in _PARTS},
        truth={part: encode_labels(getattr(splits, part), splits.labels, multi_label=False) for part in _PARTS},
        model=model,
        examples=stage.folder / "examples",
    )


def _write(read: PictureSplits, framing: Framing, folder: Path) -> None:
    for part, pixels in read.pixels.items():
        np.save(folder / f"{part}.npy", pixels)
    (folder / "examples").mkdir()
    for number, one in enumerate(read.listed["dev"][:LATENCY_INPUTS]):
        content = png(one.source) if isinstance(one.source, np.ndarray) else one.source
        content = content if isinstance(content, bytes) else Path(content).read_bytes()
        (folder / "examples" / f"{number:03}").write_bytes(content)
    found = {
        "framing": framing.settings(),
        "labels": read.splits.labels,
        "notes": read.splits.notes,
        "examples": {part: [[one.text, one.labels[0]] for one in getattr(read.splits, part)] for part in _PARTS},
        "names": {part: [one.name for one in read.listed[part]] for part in _PARTS},
        "unreadable": [asdict(one) for one in read.unreadable],
    }
    write_text(folder / _FOUND, json.dumps(found, ensure_ascii=False))


def _splits(found: Mapping[str, Any]) -> Splits:
    parts = {part: tuple(Example(digest, (label,)) for digest, label in found["examples"][part]) for part in _PARTS}
    return Splits(
        train=parts["train"],
        dev=parts["dev"],
        test=parts["test"],
        labels=tuple(found["labels"]),
        notes=tuple(found["notes"]),
    )
