"""From what the task says of its data to three splits that can be trusted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from penjing.data.checks import check_splits, clean, label_names
from penjing.data.dataset import Example, Splits
from penjing.data.further import further_examples
from penjing.data.hub import Row, read_hub
from penjing.data.labels import to_examples
from penjing.data.leaks import apart
from penjing.data.packages import read_package
from penjing.data.readers import iter_rows
from penjing.data.splits import split_examples, take_stratified
from penjing.errors import DataError
from penjing.spec import DataSpec

Parts = dict[str, tuple[Example, ...]]


def load_splits(spec: DataSpec) -> Splits:
    """Return train, dev and test as the task describes them: read, cleaned, split where not given, and checked.

    Raises:
        DataError: the data cannot be read, or is not fit for a classifier.
    """
    notes: list[str] = []
    parts: Parts = {}
    for name, examples in read_parts(spec).items():
        cleaned = clean(examples, origin=name)
        parts[name] = cleaned.examples
        notes += cleaned.notes
    parts, dropped = _without_leaks(_completed(parts, spec))
    notes += [
        f"{name}: {count:,} near-duplicates of {held_out} texts dropped"
        for (name, held_out), count in dropped.items()
        if count
    ]
    parts = _limited(parts, spec)
    if spec.more is not None:
        further, more_notes = further_examples(spec, parts["train"], parts["dev"] + parts["test"])
        parts["train"] += further
        notes += more_notes
    splits = Splits(
        train=parts["train"],
        dev=parts["dev"],
        test=parts["test"],
        labels=label_names(parts["train"], origin="train"),
        multi_label=_is_multi_label(parts, spec),
        notes=tuple(notes),
    )
    check_splits(splits)
    return splits


def fingerprint(splits: Splits) -> str:
    """Return the SHA-256 of everything in `splits`."""
    digest = hashlib.sha256()
    for part in (splits.train, splits.dev, splits.test):
        rows = [[example.text, *example.labels] for example in part]
        digest.update(json.dumps(rows).encode())
    digest.update(json.dumps([splits.labels, splits.multi_label]).encode())
    return digest.hexdigest()


def read_parts(spec: DataSpec) -> dict[str, list[Example]]:
    """Return the examples of each part that is given; one `source` is the part "train", still to be split.

    A hub data set given as `source` or `train` brings its own dev and test, where it has them.
    """
    sources = {"train": spec.source or spec.train, "dev": spec.dev, "test": spec.test}
    found: dict[str, list[Example]] = {}
    for name, source in sources.items():
        if source is None:
            continue
        if source.startswith("hf:"):
            parts = read_hub(source)
            for part in {name: None, **(parts if name == "train" else {})}:
                found[part] = to_examples(_part(parts, part, source), spec, origin=f"{source} ({part})")
        elif source.startswith("package:"):
            found[name] = read_package(source.removeprefix("package:"))
        else:
            found[name] = to_examples(iter_rows(Path(source), columns=spec.columns), spec, origin=source)
    return found


def _part(parts: Mapping[str, Iterator[Row]], name: str, source: str) -> Iterator[Row]:
    if name not in parts:
        raise DataError(f"the hub data set has no {name} split", value=f"{source} has {', '.join(parts)}")
    return parts[name]


def _completed(parts: Parts, spec: DataSpec) -> Parts:
    """Split off what is not given."""
    train, dev, test = spec.split
    if "dev" not in parts and "test" not in parts:
        return dict(
            zip(
                ("train", "dev", "test"),
                split_examples(parts["train"], spec.split, seed=spec.seed),
                strict=True,
            )
        )
    for missing, share in (("dev", dev), ("test", test)):
        if missing not in parts:
            shares = (train / (train + share), share / (train + share))
            kept, parts[missing] = split_examples(parts["train"], shares, seed=spec.seed)
            parts = {**parts, "train": kept}
    return parts


def _without_leaks(parts: Parts) -> tuple[Parts, dict[tuple[str, str], int]]:
    """Drop dev texts that are near-duplicates of test texts, and training texts of either; say how many."""
    test = parts["test"]
    dev = apart(parts["dev"], test)
    train = apart(parts["train"], test + dev)
    dropped = {
        ("dev", "test"): len(parts["dev"]) - len(dev),
        ("train", "dev or test"): len(parts["train"]) - len(train),
    }
    return {"train": train, "dev": dev, "test": test}, dropped


def _limited(parts: Parts, spec: DataSpec) -> Parts:
    limits = {"train": spec.max_train, "dev": spec.max_eval, "test": spec.max_eval}
    return {
        name: take_stratified(examples, limit, seed=spec.seed) if (limit := limits[name]) else examples
        for name, examples in parts.items()
    }


def _is_multi_label(parts: Parts, spec: DataSpec) -> bool:
    everything: Sequence[Example] = [example for part in parts.values() for example in part]
    return spec.label_separator is not None or any(len(example.labels) != 1 for example in everything)
