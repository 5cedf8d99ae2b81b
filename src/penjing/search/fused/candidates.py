"""Models of several inputs as bundles: each in float32 and in int8, exported and checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from penjing.bundle.manifest import Manifest, Outputs
from penjing.bundle.read import read_manifest
from penjing.bundle.write import stamp, write_bundle
from penjing.engines.mixed import MIXED_TYPE
from penjing.export.layers import Precision
from penjing.export.onnx_fused import FUSED_GRAPH, fused_to_onnx
from penjing.export.parity import check_parity, run_onnx
from penjing.files import write_text
from penjing.records import Step
from penjing.search.candidates import Candidate, Role
from penjing.search.fused.context import FusedContext
from penjing.search.fused.models import TEACHER, TrainedFused
from penjing.search.precision import arrays_of, mean_divergence
from penjing.shrink.quantize import Quantized, calibrate, output_errors, quantize
from penjing.train.device import Device
from penjing.train.fused_rows import Rows, fused_logits

_CALIBRATION, _COMPARED = 256, 128
_DIVERGENCE_TOLERANCE = 0.005  # mean KL from the float32 answers, in nats, above which layers are reverted
_EXACT = Device("cpu", bfloat16=False)


def fused_candidates(context: FusedContext, trained: TrainedFused) -> list[Candidate]:
    """Return a model in float32 and in int8."""
    teacher = trained.name == TEACHER
    int8 = f"{trained.name} int8" if teacher else f"{trained.name}, int8"
    return [
        _float32(context, trained, "teacher" if teacher else "candidate"),
        _int8(context, trained, "plain-int8" if teacher else "candidate", name=int8),
    ]


def _float32(context: FusedContext, trained: TrainedFused, role: Role) -> Candidate:
    def make(folder: Path, _: Path) -> None:
        model, some = trained.load(), _sample(context, _COMPARED)
        graph = fused_to_onnx(model.shape, arrays_of(model))
        difference = check_parity(_answers(graph, some), fused_logits(model, some, device=_EXACT))
        note = f"ONNX = PyTorch to {difference:.1e} in a logit ({len(some)} rows)"
        _write(context, folder, graph, trained.name, trained.recipe, trained.parameters, note)

    return _candidate(context, trained, role, trained.name, {"precision": "float32"}, make)


def _int8(context: FusedContext, trained: TrainedFused, role: Role, *, name: str) -> Candidate:
    def make(folder: Path, _: Path) -> None:
        model, found = trained.load(), _settled(context, trained)
        graph = fused_to_onnx(model.shape, arrays_of(model), precision=found.precision)
        kept = f", float32 again: {', '.join(found.reverted)}" if found.reverted else ""
        note = f"mean KL to float32 {found.divergence:.1e} nats ({_COMPARED} rows){kept}"
        recipe = (*trained.recipe, Step(name="int8", values={"reverted": list(found.reverted)}))
        _write(context, folder, graph, name, recipe, trained.parameters, note)

    inputs = {"precision": "int8", "tolerance": _DIVERGENCE_TOLERANCE, "rows": [_CALIBRATION, _COMPARED]}
    return _candidate(context, trained, role, name, inputs, make)


def _settled(context: FusedContext, trained: TrainedFused) -> Quantized:
    """Return which layers are int8, and with what scales."""
    model = trained.load()
    arrays, calibration, compared = arrays_of(model), _sample(context, _CALIBRATION), _sample(context, _COMPARED)
    ranges = calibrate(model, calibration, device=context.device)  # type: ignore[arg-type]  # rows are examples
    expected = _answers(fused_to_onnx(model.shape, arrays), compared)

    def measure(precision: Precision) -> float:
        stored = Precision(linear=precision.linear, embeddings="int8")
        found = _answers(fused_to_onnx(model.shape, arrays, precision=stored), compared)
        return mean_divergence(expected, found, multi_label=False)

    def errors() -> Mapping[str, float]:
        return output_errors(model, calibration, ranges, device=context.device)  # type: ignore[arg-type]

    found = quantize(ranges, measure=measure, errors=errors, tolerance=_DIVERGENCE_TOLERANCE)
    precision = Precision(linear=found.precision.linear, embeddings="int8")
    return Quantized(precision, found.reverted, found.divergence)


def _sample(context: FusedContext, count: int) -> Rows:
    rows = context.examples("train")
    return rows.take(np.random.default_rng(context.seed).permutation(len(rows))[:count])


def _answers(graph: onnx.ModelProto, rows: Rows) -> NDArray[np.float32]:
    return run_onnx(graph, dict(rows.encoder.encode(rows.rows)))


def _candidate(
    context: FusedContext,
    trained: TrainedFused,
    role: Role,
    name: str,
    inputs: Mapping[str, Any],
    make: Callable[[Path, Path], None],
) -> Candidate:
    context.reporter.begin(f"export {name}")
    keys = {"trained": trained.key, "name": name, "graph": FUSED_GRAPH, "data": context.data_key, **inputs}
    stage = context.store.stage("fused-bundle", keys, make)
    manifest = read_manifest(stage.folder / "bundle")
    notes = tuple(json.loads((stage.folder / "notes.json").read_text(encoding="utf-8")))
    context.reporter.end(notes[0], reused=stage.reused)
    return Candidate(
        name, role, manifest.recipe, "onnxruntime", stage.folder / "bundle", stage.key, trained.train_s,
        manifest.parameters or 0, notes,
    )  # fmt: skip


def _write(
    context: FusedContext,
    folder: Path,
    graph: onnx.ModelProto,
    name: str,
    recipe: tuple[Step, ...],
    parameters: int,
    note: str,
) -> None:
    onnx.save(graph, folder / "model.onnx")
    manifest = Manifest(
        **stamp(),
        name=f"{context.task.name}: {name}",
        kind="fused",
        engine="onnxruntime",
        model="model.onnx",
        input={"type": MIXED_TYPE, "inputs": [one.model_dump(mode="json") for one in context.reads]},
        outputs=Outputs(labels=context.splits.labels),
        recipe=recipe,
        parameters=parameters,
        task=context.task.model_dump(mode="json"),
    )
    write_bundle(folder / "bundle", manifest, {"model.onnx": folder / "model.onnx"})
    write_text(folder / "notes.json", json.dumps([note]))
    (folder / "model.onnx").unlink()
