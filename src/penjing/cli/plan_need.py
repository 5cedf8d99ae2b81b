"""What options and task files ask of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penjing.catalog.facts import Device, find_device
from penjing.errors import TaskError
from penjing.select.need import Need, base_codes, pieces_of
from penjing.units import parse_seconds, parse_size

if TYPE_CHECKING:
    from penjing.data.dataset import Splits
    from penjing.spec import Task

_KINDS, _USES = ("classify", "generate", "translate"), ("free", "terms", "research")
_SAMPLE = 2000


def need_of_options(
    kind: str | None,
    *,
    languages: str,
    examples: int | None,
    labels: int,
    tokens: int,
    written: int,
    options: Mapping[str, Any],
) -> Need:
    """Return what the options ask.

    Raises:
        TaskError: a value means nothing.
    """
    if kind not in _KINDS:
        raise TaskError("which task?", value=kind or "none", rule=f"--task, one of {', '.join(_KINDS)}; or a task file")
    codes = base_codes(languages)
    if kind == "translate" and len(codes) != 2:
        raise TaskError("from which language into which?", value=languages, rule="--languages en,zh")
    said = {"kind": kind, "languages": codes, "examples": examples, "labels": labels, "tokens": tokens,
            "written": written}  # fmt: skip
    return Need.model_validate({**said, **_limits(options)})


def need_of_task(path: Path, *, languages: str, options: Mapping[str, Any]) -> tuple[Need, Splits | None]:
    """Return what a task file asks, its data counted, and to classify the data.

    Raises:
        TaskError: the file, or a value, means nothing.
        DataError: the data cannot be read.
    """
    from penjing.spec import read_task

    task = read_task(path)
    budget = task.budget
    limits = {
        **_limits(options),
        "bar": options["bar"] if options["bar"] is not None else task.bar.at_least,
    }
    for name, value in (("size", budget.size), ("latency_s", budget.latency_p50), ("memory", budget.memory)):
        if limits[name] is None:
            limits[name] = value
    counted, splits = _counted(task, base_codes(languages))
    return Need.model_validate({"kind": task.kind, **counted, **limits}), splits


def _counted(task: Task, languages: tuple[str, ...]) -> tuple[dict[str, Any], Splits | None]:
    """Return examples, labels, lengths and languages, as the task's data has them."""
    if task.kind == "classify":
        from penjing.data import load_splits
        from penjing.select.spoken import spoken_in

        splits = load_splits(task.data)
        texts = [example.text for example in splits.train[:_SAMPLE]]
        spoken = spoken_in(texts)
        found = {"languages": spoken, "examples": len(splits.train), "labels": len(splits.labels),
                 "tokens": pieces_of(texts, spoken)}  # fmt: skip
        return found, splits
    if task.kind == "translate":
        from penjing.data.pairs import load_pairs
        from penjing.languages import language

        assert task.source_lang is not None
        assert task.target_lang is not None
        pair = language(task.source_lang), language(task.target_lang)
        train = load_pairs(task.data, *pair).train
        codes = tuple(one.base for one in pair)
        return {
            "languages": codes, "examples": len(train),
            "tokens": pieces_of([one.source for one in train[:_SAMPLE]], codes[:1]),
            "written": pieces_of([one.target for one in train[:_SAMPLE]], codes[1:]),
        }, None  # fmt: skip
    return {"languages": languages}, None


def _limits(options: Mapping[str, Any]) -> dict[str, Any]:
    parse = {"size": parse_size, "memory": parse_size, "latency_s": parse_seconds}
    found = {name: None if options[name] is None else reader(options[name]) for name, reader in parse.items()}
    uses = tuple(part.strip() for part in options["uses"].split(",") if part.strip())
    if not uses or set(uses) - set(_USES):
        raise TaskError("which licences?", value=options["uses"], rule=", ".join(_USES))
    return {
        **found,
        "bar": options["bar"],
        "requests": options["requests"],
        "uses": uses,
        "offline": options["offline"],
        "serve_on": _device(options["serve_on"]),
        "train_on": _device(options["train_on"]),
    }


def _device(name: str) -> Device:
    if name != "here":
        return find_device(name)
    from penjing.measure.compute import this_device
    from penjing.train.cached_folder import default_cache

    return this_device(default_cache())
