"""What a task file asks of a plan: its data counted, its budget as limits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.select.api import make_need
from penjing.select.need import Need, pieces_of

if TYPE_CHECKING:
    from penjing.data.dataset import Splits
    from penjing.spec import Task

_SAMPLE = 2000


def need_of_task(
    path: Path, *, languages: str | None, limits: dict[str, Any], said: dict[str, Any]
) -> tuple[Need, Splits | None]:
    """Return what a task file asks, its data counted, and to classify the data; what was said holds before the file.

    The file needs no `model` yet.

    Raises:
        TaskError: the file, or a value, means nothing.
        DataError: the data cannot be read.
    """
    from penjing.spec import UNCHOSEN, read_task

    task = read_task(path, model=UNCHOSEN)
    budget = task.budget
    ours = {"size": budget.size, "latency_s": budget.latency_p50, "memory": budget.memory}
    merged = {**limits, **{name: value for name, value in ours.items() if limits[name] is None}}
    spoken, counted, splits = _counted(task)
    known = {"bar": task.bar.at_least, **counted, **said}
    return make_need(task.kind, languages or spoken, **merged, **known), splits


def _counted(task: Task) -> tuple[str, dict[str, Any], Splits | None]:
    """Return the languages, the examples, labels and lengths, as the task's data has them."""
    if task.kind == "classify":
        from penjing.data import load_splits
        from penjing.select.spoken import spoken_in

        splits = load_splits(task.data)
        texts = [example.text for example in splits.train[:_SAMPLE]]
        spoken = spoken_in(texts)
        found = {"examples": len(splits.train), "labels": len(splits.labels), "tokens": pieces_of(texts)}
        return ",".join(spoken), found, splits
    if task.kind == "translate":
        from penjing.data.pairs import load_pairs
        from penjing.languages import language

        assert task.source_lang is not None
        assert task.target_lang is not None
        pair = language(task.source_lang), language(task.target_lang)
        train = load_pairs(task.data, *pair).train
        codes = [one.base for one in pair]
        found = {
            "examples": len(train),
            "tokens": pieces_of([one.source for one in train[:_SAMPLE]]),
            "written": pieces_of([one.target for one in train[:_SAMPLE]]),
        }
        return ",".join(codes), found, None
    return "en", {}, None
