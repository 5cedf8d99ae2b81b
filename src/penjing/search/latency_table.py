"""The latency table of this machine: models of chance weights, timed as trials are; kept as a stage."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path

import onnx
import torch

from penjing.bundle.manifest import Manifest, Outputs
from penjing.bundle.worker import worker_command
from penjing.bundle.write import stamp, versions, write_bundle
from penjing.errors import DataError, EngineError
from penjing.export.layers import ActivationRange, Precision
from penjing.export.onnx import GRAPH, encoder_to_onnx
from penjing.files import write_text
from penjing.measure.latency_table import LatencyTable, Timing, buckets_of, fit_table, typical_length
from penjing.measure.machine import machine
from penjing.measure.process import Worker
from penjing.measure.size import folder_size
from penjing.records import Record
from penjing.search.context import Context
from penjing.search.precision import arrays_of
from penjing.shrink.quantize import int8_layers
from penjing.train.encoder import Encoder, EncoderShape, Part

_ROUNDS, _BLOCK, _WARM_UP = 8, 24, 5  # like those of trials: the first runs of a turn are slower than the last
_ANY_RANGE = ActivationRange(scale=0.05, zero_point=128)


class CostTable(Record):
    """What a student with int8 layers and int4 embeddings costs, before there is one."""

    latency: LatencyTable
    length: float
    """Of the median batch on dev, in pieces."""
    sizes: dict[str, tuple[float, float]]
    """Bytes without blocks and bytes a block, by the widths "heads,ffn"."""

    def latency_s(self, part: Part) -> float | None:
        """Return the predicted seconds at p50."""
        return self.latency.predict(blocks=len(part.blocks), heads=part.heads, ffn=part.ffn, length=self.length)

    def size_bytes(self, part: Part) -> float | None:
        """Return the predicted bytes of the bundle."""
        found = self.sizes.get(f"{part.heads},{part.ffn}")
        return None if found is None else found[0] + len(part.blocks) * found[1]


@dataclass(frozen=True)
class _Probe:
    """A bundle of chance weights."""

    part: Part
    folder: Path


def cost_table(context: Context, parts: Sequence[Part], shape: EncoderShape, *, rank: int | None) -> CostTable | None:
    """Return the table for the widths and depths of `parts`, measured here and now, or read where that was done.

    It is None where that fails: then nothing is predicted, and every size is tried.
    """
    context.reporter.begin("latency table")
    widths = sorted({(part.heads, part.ffn) for part in parts}, reverse=True)
    most = max(2, *(len(part.blocks) for part in parts))
    budget = context.task.budget
    small = student_shape(context, shape, rank=rank)

    def make(folder: Path, work: Path) -> None:
        probes = [
            _Probe(part, write_probe(context, chance_model(small, part), work / _folder_name(part)))
            for part in (Part(tuple(range(depth)), *found) for depth, found in product((1, most), widths))
        ]
        lengths = context.tokens["dev"].lengths
        length_of = partial(typical_length, batch_size=budget.batch_size, seed=context.seed)
        buckets = [[context.splits.dev[row].text for row in rows] for rows in buckets_of(lengths)]
        timings = list(_timings(context, probes, buckets))
        table = CostTable(
            latency=fit_table(timings, lengths=[length_of(lengths[rows]) for rows in buckets_of(lengths)]),
            length=length_of(lengths),
            sizes=_sizes(probes, most),
        )
        write_text(folder / "table.json", table.model_dump_json())

    inputs = {
        "widths": widths,
        "depths": [1, most],
        "shape": small.to_json(),
        "graph": GRAPH,
        "order": "mixed lengths",
        "vocabulary": context.vocabulary.key,
        "data": context.data_key,
        "engine": ["onnxruntime", versions()["onnxruntime"]],
        "threads": budget.threads,
        "batch_size": budget.batch_size,
        "machine": machine().model_dump(),
    }
    try:
        stage = context.store.stage("latency-table", inputs, make)
    except (EngineError, DataError) as error:
        context.reporter.end(f"not measured: {error}", reused=False)
        return None
    context.reporter.end(f"{len(widths)} widths of a block, timed at 2 depths", reused=stage.reused)
    return CostTable.model_validate_json((stage.folder / "table.json").read_text(encoding="utf-8"))


def _folder_name(part: Part) -> str:
    return f"{len(part.blocks)}-{part.heads}-{part.ffn}"


def student_shape(context: Context, shape: EncoderShape, *, rank: int | None) -> EncoderShape:
    """Return `shape` with the pieces and positions that are left here, and word embeddings of width `rank`."""
    positions = min(shape.positions, context.vocabulary.max_length)
    return replace(shape, rank=rank or shape.rank, vocabulary=len(context.vocabulary.kept), positions=positions)


def chance_model(shape: EncoderShape, part: Part) -> Encoder:
    """Return a model of chance weights in the sizes of `part`: how long it takes does not depend on them."""
    torch.manual_seed(0)
    count = len(part.blocks)
    return Encoder(replace(shape, heads=(part.heads,) * count, ffn=(part.ffn,) * count)).eval()


def write_probe(context: Context, model: Encoder, folder: Path) -> Path:
    """Write a bundle to be timed: `model` with int8 layers, whose ranges are not settled, and int4 embeddings."""
    precision = Precision(linear=dict.fromkeys(int8_layers(model), _ANY_RANGE), embeddings="int4")
    file = folder.with_suffix(".onnx")
    onnx.save(encoder_to_onnx(model.shape, arrays_of(model), precision=precision), file)
    manifest = Manifest(
        **stamp(),
        name="latency probe",
        engine="onnxruntime",
        model="model.onnx",
        input={
            "type": "tokens",
            "tokenizer": "tokenizer.json",
            "max_length": context.vocabulary.max_length,
            "pad_id": model.shape.pad_id,
        },
        outputs=Outputs(labels=context.splits.labels, multi_label=context.splits.multi_label),
        recipe=(),
    )
    write_bundle(folder, manifest, {"model.onnx": file, "tokenizer.json": context.vocabulary.tokenizer})
    return folder


def _timings(context: Context, probes: Sequence[_Probe], buckets: Sequence[Sequence[str]]) -> Iterator[Timing]:
    """Yield the times of all probes, which take turns in processes of their own."""
    budget, order = context.task.budget, random.Random(context.seed)  # noqa: S311 (an order, not a secret)
    with ExitStack() as stack:
        workers = {
            probe.folder.name: stack.enter_context(
                Worker(worker_command(probe.folder, threads=budget.threads), threads=budget.threads)
            )
            for probe in probes
        }
        for turn in range(_ROUNDS):
            drawn = _mixed(buckets, order, batch_size=budget.batch_size)
            texts = [text for _, batch in drawn for text in batch]
            for place, probe in enumerate(order.sample(list(probes), len(probes)), start=1):
                part = probe.part
                found = workers[probe.folder.name].ask(op="time", texts=texts, batch_size=budget.batch_size)
                for (bucket, _), seconds in list(zip(drawn, found["total_s"], strict=True))[_WARM_UP:]:
                    yield Timing(len(part.blocks), part.heads, part.ffn, bucket, seconds)
                context.reporter.advance(turn * len(probes) + place, _ROUNDS * len(probes))


def _mixed(
    buckets: Sequence[Sequence[str]], order: random.Random, *, batch_size: int
) -> list[tuple[int, Sequence[str]]]:
    """Return batches for one turn, each with the place of its bucket: all buckets mixed, as lengths are in use."""
    each = max(1, _BLOCK // len(buckets))
    drawn = [(place, order.choices(texts, k=batch_size)) for place, texts in enumerate(buckets) for _ in range(each)]
    order.shuffle(drawn)
    return [*order.choices(drawn, k=_WARM_UP), *drawn]


def _sizes(probes: Sequence[_Probe], most: int) -> dict[str, tuple[float, float]]:
    sizes = {(probe.part.heads, probe.part.ffn, len(probe.part.blocks)): folder_size(probe.folder) for probe in probes}
    found = {}
    for heads, ffn in {key[:2] for key in sizes}:
        one = sizes[heads, ffn, 1]
        block = (sizes[heads, ffn, most] - one) / (most - 1)
        found[f"{heads},{ffn}"] = (one - block, block)
    return found
