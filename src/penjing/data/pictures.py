"""From what the task says of its pictures or sounds to three splits of pixels that can be trusted."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from penjing.data.checks import check_splits, clean, label_names
from penjing.data.dataset import Example, Splits
from penjing.data.labelled_files import Listed, Medium
from penjing.data.splits import take_stratified
from penjing.engines.pixels import Framing
from penjing.errors import DataError
from penjing.pictures.frame import Frame, Pixels
from penjing.pictures.read import read_picture
from penjing.spec import DataSpec

_SAMPLED = 256  # pictures whose sizes and colours say what the frame is to be
_LARGEST_FRAME, _STEP = 64, 4
_AT_ONCE = 512
READING = 1
"""Part of the keys of what was read: raise it when the same files become other pixels."""
Progress = Callable[[float, float], None]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that was left out, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class PictureSplits:
    """Three splits; the text of an example is the SHA-256 of its pixels."""

    splits: Splits
    pixels: Mapping[str, NDArray[np.uint8]]
    """Of each split, in the order of its examples."""
    listed: Mapping[str, tuple[Listed, ...]]
    """The same pictures as they came."""
    unreadable: tuple[Unreadable, ...]


def listing_key(parts: Mapping[str, Sequence[Listed]]) -> str:
    """Return the SHA-256 of all files, labels and groups."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = {
            part: [
                [one.label, one.name, found, *([one.group] if one.group else [])]
                for one, found in zip(listed, pool.map(_hash, listed), strict=True)
            ]
            for part, listed in parts.items()
        }
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()


def _hash(one: Listed) -> str:
    return one.sha256


def frame_for(listed: Sequence[Listed], *, seed: int) -> Frame:
    """Return a frame for pictures like these: their usual size, at most 64 a side, and their colours if they have any.

    Raises:
        DataError: none of a sample of them can be read.
    """
    rows = np.random.default_rng(seed).permutation(len(listed))[:_SAMPLED]
    sides, channels = [], []
    for row in rows:
        source = listed[row].source
        if isinstance(source, np.ndarray):
            sides.append(min(source.shape[:2]))
            channels.append(source.shape[2])
            continue
        try:
            image = read_picture(source)
        except DataError:
            continue
        sides.append(min(image.size))
        channels.append(1 if image.mode == "L" else 3)
    if not sides:
        raise DataError("no picture can be read", value=f"{len(rows)} were tried, such as {listed[rows[0]].name}")
    size = min(_LARGEST_FRAME, max(_STEP, round(float(np.median(sides)) / _STEP) * _STEP))
    return Frame(size=size, channels=3 if max(channels) == 3 else 1)


def read_splits(
    parts: Mapping[str, Sequence[Listed]], spec: DataSpec, framing: Framing, *, medium: Medium, progress: Progress
) -> PictureSplits:
    """Return the splits: read, without repeats and leaks, split where not given, and checked.

    Files that cannot be read are left out, and named in `unreadable`.

    Raises:
        DataError: most files cannot be read, or they are not fit for a classifier.
    """
    total, done, notes = sum(map(len, parts.values())), 0, list[str]()
    pixels: dict[str, Pixels] = {}
    origin: dict[str, Listed] = {}
    unreadable: list[Unreadable] = []
    examples: dict[str, tuple[Example, ...]] = {}
    for part, listed in parts.items():
        found, failed = [], list[Unreadable]()
        for one, read in read_listed(listed, framing, progress=_from_here(progress, done, total)):
            if isinstance(read, Unreadable):
                failed.append(read)
                continue
            digest = hashlib.sha256(read.tobytes()).hexdigest()
            pixels[digest], origin[digest] = read, origin.get(digest, one)
            found.append(Example(digest, (one.label,)))
        done += len(listed)
        unreadable += failed
        if len(failed) * 2 > len(listed):
            raise DataError(
                f"most {medium.many} cannot be read",
                value=f"{part}: {len(failed):,} of {len(listed):,}; {failed[0].why}",
            )
        cleaned = clean(found, origin=part)
        examples[part] = cleaned.examples
        notes += [note.replace("texts", medium.many).replace("text", medium.one) for note in cleaned.notes]
        if failed:
            notes.append(f"{part}: {len(failed):,} {medium.many} that cannot be read left out")
    groups = {digest: one.group for digest, one in origin.items() if one.group}
    examples, leaks = without_leaks(completed_splits(examples, spec, groups), many=medium.many)
    notes += leaks
    examples = limited(examples, spec)
    splits = Splits(
        train=examples["train"],
        dev=examples["dev"],
        test=examples["test"],
        labels=label_names(examples["train"], origin="train"),
        notes=tuple(notes),
    )
    check_splits(splits)
    return PictureSplits(
        splits,
        {part: _stacked(found, pixels, framing) for part, found in examples.items()},
        {part: tuple(origin[one.text] for one in found) for part, found in examples.items()},
        tuple(unreadable),
    )


def _stacked(examples: Sequence[Example], pixels: dict[str, Pixels], framing: Framing) -> Pixels:
    """Return the pixels of the examples as one array, taking them out of `pixels`: both would be twice the memory."""
    found = np.empty((len(examples), *framing.shape), np.uint8)
    for row, one in enumerate(examples):
        found[row] = pixels.pop(one.text)
    return found


def _from_here(progress: Progress, before: int, total: int) -> Callable[[int], None]:
    return lambda done: progress(before + done, total)


def read_listed(
    listed: Sequence[Listed], framing: Framing, *, progress: Callable[[int], None]
) -> Iterator[tuple[Listed, Pixels | Unreadable]]:
    """Yield each file with its pixels, or with why it cannot be read, in order."""

    def one(item: Listed) -> Pixels | Unreadable:
        try:
            return framing.read(item.source)
        except DataError as error:
            return Unreadable(item.name, str(error))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(listed), _AT_ONCE):
            some = listed[start : start + _AT_ONCE]
            yield from zip(some, pool.map(one, some), strict=True)
            progress(start + len(some))


def limited(examples: Mapping[str, tuple[Example, ...]], spec: DataSpec) -> dict[str, tuple[Example, ...]]:
    """Return no more examples of each split than the task allows, drawn by label."""
    limits = {"train": spec.max_train, "dev": spec.max_eval, "test": spec.max_eval}
    return {
        part: found if (most := limits[part]) is None else take_stratified(found, most, seed=spec.seed)
        for part, found in examples.items()
    }


def completed_splits(
    parts: Mapping[str, tuple[Example, ...]], spec: DataSpec, groups: Mapping[str, str]
) -> dict[str, tuple[Example, ...]]:
    """Return three splits, what is not given split off: by label, or where there are groups, whole groups."""
    split = partial(_split_groups, groups=groups) if groups else _split
    train, dev, test = spec.split
    if "dev" not in parts and "test" not in parts:
        names = ("train", "dev", "test")
        return dict(zip(names, split(parts["train"], (train, dev, test), seed=spec.seed), strict=True))
    found = dict(parts)
    for missing, share in (("dev", dev), ("test", test)):
        if missing not in found:
            shares = (train / (train + share), share / (train + share))
            found["train"], found[missing] = split(found["train"], shares, seed=spec.seed)
    return found


def _split(examples: Sequence[Example], shares: Sequence[float], *, seed: int) -> list[tuple[Example, ...]]:
    """Return the examples in parts of these shares, each label by itself, in an order that the seed gives.

    What a label's rows leave over after rounding is carried on to the next label, so that the parts have their shares
    where each label has few.
    """
    by_label: dict[tuple[str, ...], list[Example]] = defaultdict(list)
    for example in examples:
        by_label[example.labels].append(example)
    parts: list[list[Example]] = [[] for _ in shares]
    owed = np.zeros(len(shares))
    for _, rows in sorted(by_label.items()):
        rows.sort(key=lambda example: hashlib.sha256(f"{seed}\0{example.text}".encode()).digest())
        owed += np.array(shares) * len(rows)
        for example in rows:
            neediest = int(owed.argmax())
            parts[neediest].append(example)
            owed[neediest] -= 1
    return [tuple(sorted(part, key=lambda example: example.text)) for part in parts]


def _split_groups(
    examples: Sequence[Example], shares: Sequence[float], *, seed: int, groups: Mapping[str, str]
) -> list[tuple[Example, ...]]:
    """Return the examples in parts of about these shares, each group whole, the largest first; others stand alone.

    Raises:
        DataError: there are fewer groups than parts.
    """
    by_group: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_group[groups.get(example.text) or f"alone: {example.text}"].append(example)
    if len(by_group) < len(shares):
        raise DataError("too few groups to split", value=len(by_group), rule=f"at least {len(shares)}")

    def order(name: str) -> tuple[int, bytes]:
        return -len(by_group[name]), hashlib.sha256(f"{seed}\0{name}".encode()).digest()

    parts: list[list[Example]] = [[] for _ in shares]
    wanted = np.array(shares) * len(examples)
    for before, name in enumerate(sorted(by_group, key=order)):
        empty = [place for place, part in enumerate(parts) if not part]
        lacking = wanted - [len(part) for part in parts]
        choices = empty if len(by_group) - before <= len(empty) else range(len(parts))
        parts[max(choices, key=lambda place: float(lacking[place]))] += by_group[name]
    return [tuple(sorted(part, key=lambda example: example.text)) for part in parts]


def without_leaks(
    parts: Mapping[str, tuple[Example, ...]], *, many: str
) -> tuple[dict[str, tuple[Example, ...]], list[str]]:
    """Drop what dev has and test too, and of train what either has; say how many."""
    test = {example.text for example in parts["test"]}
    dev = tuple(example for example in parts["dev"] if example.text not in test)
    held_out = test | {example.text for example in dev}
    train = tuple(example for example in parts["train"] if example.text not in held_out)
    dropped = {"dev": len(parts["dev"]) - len(dev), "train": len(parts["train"]) - len(train)}
    notes = [f"{part}: {count:,} {many} of held-out splits dropped" for part, count in dropped.items() if count]
    return {"train": train, "dev": dev, "test": parts["test"]}, notes
