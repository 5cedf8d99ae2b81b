"""GGUF files that may be chosen: as given, fine-tuned with all pieces or fewer, in eight bits or a mixture of types."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import Literal

from penjing.files import write_text
from penjing.gguf import read_header
from penjing.gguf.file import GgufFile, Stored, open_gguf, rewrite
from penjing.gguf.quantize import quantize
from penjing.records import Step
from penjing.search.text.context import TextContext
from penjing.search.text.depth import shallower
from penjing.search.text.handover import MODEL_NAME
from penjing.search.text.rounding import Moments, layer_moments, rounded_tensor
from penjing.search.text.teacher import Tuned
from penjing.search.text.types import Costs, rounding_costs, type_step
from penjing.shrink.compensation import inverse_factor
from penjing.shrink.gguf_types import choose_types
from penjing.train.gguf_layers import EMBEDDINGS

Role = Literal["teacher", "plain-int8", "candidate"]

TEACHER, EIGHT_BITS, AS_GIVEN = "teacher", "8 bits", "as given"
_EIGHT = "Q8_0"
_BITS = (4.5, 5.0, 5.5, 6.0, 7.0)


@dataclass(frozen=True)
class TextCandidate:
    """One GGUF file that may be chosen, not measured yet."""

    name: str
    role: Role
    recipe: tuple[Step, ...]
    path: Path
    key: str
    train_s: float
    parameters: int
    notes: tuple[str, ...]


def all_candidates(context: TextContext, tuned: Tuned) -> list[TextCandidate]:
    """Return the model as given, the teacher, it with fewer pieces or blocks too, and each in fewer and fewer bits."""
    given = TextCandidate(
        AS_GIVEN, "candidate", (), context.source, context.source_key, 0.0, _parameters(context.source),
        ("not fine-tuned",),
    )  # fmt: skip
    teacher = _eight_bits(context, tuned, context.source, TEACHER, "teacher")
    eight = _eight_bits(context, tuned, tuned.file, EIGHT_BITS, "plain-int8")
    found = [given, teacher, eight, *_fewer_bits(context, tuned, eight)]
    for shallow in shallower(context, tuned, eight.path, eight.key):
        eight = _eight_bits(context, shallow, shallow.file, f"{shallow.blocks}, {EIGHT_BITS}", "candidate")
        found += [eight, *_fewer_bits(context, shallow, eight)]
    return found


def _eight_bits(context: TextContext, tuned: Tuned, source: Path, name: str, role: Role) -> TextCandidate:
    """Return the fine-tuned model in eight bits, all else as in `source`."""
    layers = tuned.layers

    def make(folder: Path, _: Path) -> None:
        file = open_gguf(source)
        weights = {layer.tensor: tuned.weights(file, layer.tensor) for layer in layers}
        tensors = {tensor: Stored(quantize(values, _EIGHT), _EIGHT) for tensor, values in weights.items()}
        rewrite(file, folder / MODEL_NAME, values={}, tensors=tensors)
        write_text(folder / "notes.json", json.dumps([f"every layer in {_EIGHT}"]))

    trimmed = source != context.source
    recipe = (*tuned.recipe, *((context.vocabulary_step,) if trimmed else ()), type_step({_EIGHT: len(layers)}))
    return _candidate(context, tuned, name, role, recipe, {"types": _EIGHT, "trimmed": trimmed}, make)


def _fewer_bits(context: TextContext, tuned: Tuned, eight: TextCandidate) -> list[TextCandidate]:
    """Return what is in the file `eight` in fewer and fewer bits."""
    costs = rounding_costs(context, tuned, eight.path, eight.key)
    moments = cache(lambda: layer_moments(context, tuned, eight.path))  # taken only where a file is made
    wanted = sorted(context.task.recipe.bits or _BITS, reverse=True)
    mixed = [_mixed(context, tuned, costs, bits, moments) for bits in wanted]
    different = {candidate.key: candidate for candidate in mixed}  # fewer bits than any type takes change nothing
    return list(different.values())


def _mixed(
    context: TextContext, tuned: Tuned, costs: Costs, bits: float, moments: Callable[[], Moments]
) -> TextCandidate:
    """Return the fine-tuned model with fewer pieces in a mixture of types of so many bits a weight, in the mean."""
    total = sum(costs.weights.values())
    chosen = choose_types(costs.options, size_bytes=int(total * bits / 8))
    types = {tensor: option.type_name for tensor, option in chosen.items()}

    def make(folder: Path, _: Path) -> None:
        file = open_gguf(tuned.file)
        known = moments()
        changed = [tensor for tensor, type_name in types.items() if not _stays(file, tensor, type_name)]

        def rounded(tensor: str) -> Stored:
            factor = inverse_factor(known[tensor]) if tensor in known else None
            return rounded_tensor(tuned.weights(file, tensor), types[tensor], costs.columns[tensor], factor)

        with ThreadPoolExecutor(context.task.budget.threads) as pool:
            tensors = {}
            for tensor, stored in zip(changed, pool.map(rounded, changed), strict=True):
                tensors[tensor] = stored
                context.reporter.advance(len(tensors), len(changed))
        rewrite(file, folder / MODEL_NAME, values={}, tensors=tensors)
        mean = 8 * sum(option.size_bytes for option in chosen.values()) / total
        expected = sum(option.cost for option in chosen.values())
        note = f"{mean:.2f} bits a weight; rounding was expected to cost {expected:.4f} nats a piece"
        write_text(folder / "notes.json", json.dumps([note]))

    inputs = {"costs": costs.key, "types": types, "rounding": "in turn"}
    recipe = (*tuned.recipe, context.vocabulary_step, type_step(Counter(types.values())))
    name = ", ".join(filter(None, (tuned.blocks, f"{bits:g} bits")))
    return _candidate(context, tuned, name, "candidate", recipe, inputs, make)


def _stays(file: GgufFile, tensor: str, type_name: str) -> bool:
    """Return whether these are embeddings that are not rounded again."""
    return tensor == EMBEDDINGS and type_name == file.stored(tensor).type_name


def _candidate(
    context: TextContext,
    tuned: Tuned,
    name: str,
    role: Role,
    recipe: tuple[Step, ...],
    inputs: Mapping[str, object],
    make: Callable[[Path, Path], None],
) -> TextCandidate:
    context.reporter.begin(f"export {name}")
    stage = context.store.stage("gguf", {"tuned": tuned.key, **context.base_key, **inputs}, make)
    notes: Sequence[str] = json.loads((stage.folder / "notes.json").read_text(encoding="utf-8"))
    context.reporter.end(notes[0], reused=stage.reused)
    path = stage.folder / MODEL_NAME
    return TextCandidate(name, role, recipe, path, stage.key, tuned.train_s, _parameters(path), tuple(notes))


def _parameters(path: Path) -> int:
    return sum(prod(tensor.shape) for tensor in read_header(path).tensors)
