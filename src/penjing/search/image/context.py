"""What every stage of a run on pictures needs: the task, framed pictures with their labels, and where models start."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from penjing.data.dataset import Example, Splits
from penjing.data.picture_sources import list_pictures
from penjing.data.pictures import PictureSplits, frame_for, listing_key, read_splits
from penjing.errors import TaskError
from penjing.files import write_text
from penjing.pictures.frame import Frame, Pixels, png
from penjing.progress import Reporter
from penjing.recipe import Augmentation, Recipe
from penjing.search.context import LATENCY_INPUTS
from penjing.search.stages import Store
from penjing.shape import VisionSize
from penjing.spec import Task
from penjing.tasks.classify import Truth, encode_labels
from penjing.train.device import Device, best_device
from penjing.train.model_folder import read_config
from penjing.train.pictures import Pictures
from penjing.train.references import PretrainedModel, resolve_picture_model
from penjing.train.vision_checkpoint import checkpoint_frame

NEW, NO_CONVNET = "new", "none"
_SCALED_VALUES = 10_000_000  # from which mean and deviation of the pixels are taken
_CHANGED_FROM = 20.0  # passes from which on pictures are changed: before that, a model does not know them by heart
UNREADABLE_NAME = "unreadable.jsonl"
_PARTS = ("train", "dev", "test")
_GOLDEN, _LARGE = 64, 128  # golden pictures, of which there are fewer where they have more pixels a side than that


@dataclass(frozen=True)
class PictureContext:
    """One run of `fit` on pictures."""

    task: Task
    store: Store
    reporter: Reporter
    device: Device
    splits: Splits
    """The text of an example is the SHA-256 of its pixels."""
    data_key: str
    frame: Frame
    pixels: Mapping[str, Pixels]
    """Of "train", "dev" and "test": uint8 (pictures, size, size, channels)."""
    shown: Mapping[str, tuple[str, ...]]
    """What a person is shown of each picture: its name."""
    truth: Mapping[str, Truth]
    model: PretrainedModel | None
    """None where the model starts from nothing."""
    examples: Path
    """A folder of some pictures of dev as they came, for measuring."""

    @property
    def seed(self) -> int:
        """The seed of training."""
        return self.task.recipe.seed

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
        """Return the framed pictures of a split."""
        return list(self.pixels[split])

    def names(self, split: str) -> Sequence[str]:
        """Return the names of the pictures of a split."""
        return self.shown[split]

    def golden(self) -> list[bytes]:
        """Return the pictures, as PNG files, whose answers travel with a bundle."""
        count = _GOLDEN if self.frame.size <= _LARGE else _GOLDEN // 4
        rows = np.random.default_rng(self.seed).permutation(len(self.pixels["dev"]))[:count]
        return [png(self.pixels["dev"][row]) for row in sorted(rows)]

    def timed(self) -> list[str]:
        """Return files of pictures as they came."""
        return [str(path) for path in sorted(self.examples.iterdir())]

    def pictures(self, split: str) -> Pictures:
        """Return a split as it is."""
        return Pictures(self.pixels[split], self.truth[split], len(self.splits.labels))

    def lessons(self, *, epochs: float) -> Pictures:
        """Return the training pictures as a model that sees each of them so often takes them: changed by chance."""
        usual: Augmentation = "none" if epochs < _CHANGED_FROM else "shift"
        recipe = self.task.recipe
        return replace(self.pictures("train"), augmentation=recipe.augment or usual, mixup=recipe.mixup)


def open_picture_run(task: Task, *, output: Path, reporter: Reporter) -> PictureContext:
    """Read and frame the pictures; what cannot be read is listed in `output`, unreadable.jsonl.

    Raises:
        DataError: the pictures are not fit for a classifier.
        ModelError: the model is missing, or is none for pictures.
    """
    store = Store(output / "stages")
    reporter.begin("model")
    model = None if task.model == NEW else resolve_picture_model(task.model)
    reporter.end("from nothing" if model is None else f"{model.origin.name} ({model.origin.licence})", reused=False)
    reporter.begin("pictures")
    parts = list_pictures(task.data)
    listing = listing_key(parts)
    size = task.recipe.vit.image
    inputs = {
        "listing": listing,
        "data": task.data.model_dump(include={"split", "seed", "max_train", "max_eval"}),
        "frame": size or "usual" if model is None else model.key,
    }

    def make(folder: Path, _: Path) -> None:
        if model is not None:
            frame = checkpoint_frame(model.folder)
        else:
            frame = frame_for(parts["train"], seed=task.data.seed)
            frame = frame if size is None else frame.model_copy(update={"size": size})
        _write(read_splits(parts, task.data, frame, progress=reporter.advance), frame, folder)

    stage = store.stage("pictures", inputs, make)
    found = json.loads((stage.folder / "pictures.json").read_text(encoding="utf-8"))
    splits = _splits(found)
    frame = Frame.model_validate(found["frame"])
    write_text(output / UNREADABLE_NAME, "".join(f"{json.dumps(row)}\n" for row in found["unreadable"]))
    _check_sizes(task.recipe, frame, model)
    counts = ", ".join(f"{len(getattr(splits, part)):,} {part}" for part in _PARTS)
    unreadable = f"; {len(found['unreadable']):,} cannot be read: {output / UNREADABLE_NAME}" * bool(
        found["unreadable"]
    )
    reporter.end(f"{counts}; {len(splits.labels)} labels; {frame.size} x {frame.size}{unreadable}", reused=stage.reused)
    return PictureContext(
        task=task,
        store=store,
        reporter=reporter,
        device=best_device(),
        splits=splits,
        data_key=stage.key,
        frame=frame,
        pixels={part: np.load(stage.folder / f"{part}.npy", mmap_mode="r") for part in _PARTS},
        shown={part: tuple(found["names"][part]) for part in _PARTS},
        truth={part: encode_labels(getattr(splits, part), splits.labels, multi_label=False) for part in _PARTS},
        model=model,
        examples=stage.folder / "examples",
    )


def _check_sizes(recipe: Recipe, frame: Frame, model: PretrainedModel | None) -> None:
    """Refuse patches that do not divide the pictures before anything is trained."""
    if model is None:
        patch = recipe.vit.patch or VisionSize.usual_patch(frame.size)
    else:
        patch = int(read_config(model.folder)["patch_size"])
    for side in (frame.size, *recipe.sizes):
        if side % patch or side > frame.size:
            raise TaskError(
                "pictures of this size cannot be looked at",
                value=f"{side} x {side}",
                rule=f"a multiple of the patch ({patch}), at most {frame.size}",
                next_step="Correct recipe.vit or recipe.sizes",
            )


def _write(read: PictureSplits, frame: Frame, folder: Path) -> None:
    for part, pixels in read.pixels.items():
        np.save(folder / f"{part}.npy", pixels)
    (folder / "examples").mkdir()
    for number, one in enumerate(read.listed["dev"][:LATENCY_INPUTS]):
        content = png(one.source) if isinstance(one.source, np.ndarray) else one.source
        content = content if isinstance(content, bytes) else Path(content).read_bytes()
        (folder / "examples" / f"{number:03}").write_bytes(content)
    found = {
        "frame": frame.model_dump(),
        "labels": read.splits.labels,
        "notes": read.splits.notes,
        "examples": {part: [[one.text, one.labels[0]] for one in getattr(read.splits, part)] for part in _PARTS},
        "names": {part: [one.name for one in read.listed[part]] for part in _PARTS},
        "unreadable": [asdict(one) for one in read.unreadable],
    }
    write_text(folder / "pictures.json", json.dumps(found, ensure_ascii=False))


def _splits(found: Mapping[str, Any]) -> Splits:
    parts = {part: tuple(Example(digest, (label,)) for digest, label in found["examples"][part]) for part in _PARTS}
    return Splits(
        train=parts["train"],
        dev=parts["dev"],
        test=parts["test"],
        labels=tuple(found["labels"]),
        notes=tuple(found["notes"]),
    )
