"""What a task asks of a plan: its data counted, its budget as limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penjing.data import Splits, load_splits
from penjing.data.pairs import load_pairs
from penjing.data.passages import load_passages
from penjing.errors import TaskError
from penjing.languages import language
from penjing.select.api import make_need
from penjing.select.need import Need, pieces_of
from penjing.select.spoken import spoken_in
from penjing.spec import Kind, Task

_SAMPLE = 2000
_NO_LIMITS: dict[str, Any] = {"size": None, "latency_s": None, "memory": None}


def need_of_task(
    task: Task, *, languages: str | None = None, limits: dict[str, Any] = _NO_LIMITS, said: dict[str, Any]
) -> tuple[Need, Splits | None]:
    """Return what a task asks, its data counted, and to classify the data; what was said holds before the task.

    Raises:
        TaskError: a value means nothing.
        DataError: the data cannot be read.
    """
    budget = task.budget
    ours = {"size": budget.size, "latency_s": budget.latency_p50 or budget.latency_p95, "memory": budget.memory}
    merged = {**limits, **{name: value for name, value in ours.items() if limits[name] is None}}
    spoken, counted, splits = _counted(task)
    known = {"bar": task.bar.at_least, **counted, **said}
    return make_need(task.kind, languages or spoken, **merged, **known), splits


_UNPLANNED: Mapping[Kind, str] = {"image": "pictures", "audio": "sounds", "fused": "several inputs"}


def _counted(task: Task) -> tuple[str, dict[str, Any], Splits | None]:
    """Return the languages, the examples, labels and lengths, as the task's data has them."""
    if task.kind in _UNPLANNED:
        raise TaskError(
            f"tasks on {_UNPLANNED[task.kind]} cannot be planned yet",
            next_step='penjing fit trains a new model; or name one: model = "hf:…"',
        )
    if task.kind == "classify":
        splits = load_splits(task.data)
        texts = [example.text for example in splits.train[:_SAMPLE]]
        found = {"examples": len(splits.train), "labels": len(splits.labels), "tokens": pieces_of(texts)}
        return ",".join(spoken_in(texts)), found, splits
    if task.kind == "translate":
        assert task.source_lang is not None
        assert task.target_lang is not None
        pair = language(task.source_lang), language(task.target_lang)
        train = load_pairs(task.data, *pair).train
        found = {
            "examples": len(train),
            "tokens": pieces_of([one.source for one in train[:_SAMPLE]]),
            "written": pieces_of([one.target for one in train[:_SAMPLE]]),
        }
        return ",".join(one.base for one in pair), found, None
    passages = load_passages(task.data).train
    some = passages[:_SAMPLE]
    asked = [content for one in some for _, content in one.prompt]
    found = {"examples": len(passages), "written": pieces_of([one.text for one in some])}
    if asked:
        found["tokens"] = pieces_of(asked)
    return ",".join(spoken_in([one.everything for one in some])), found, None
