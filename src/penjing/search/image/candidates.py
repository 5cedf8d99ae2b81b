"""Models of pictures as bundles: the baseline, and each model in float32 and in int8, exported and checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from penjing.bundle.manifest import Manifest, Outputs
from penjing.bundle.write import stamp, write_bundle
from penjing.export.layers import Precision
from penjing.export.onnx_convnet import CONVNET_GRAPH, convnet_to_onnx
from penjing.export.onnx_picture_linear import linear_to_onnx
from penjing.export.onnx_vision import VISION_GRAPH, vision_to_onnx
from penjing.export.parity import check_parity, run_onnx
from penjing.files import write_text
from penjing.records import Step
from penjing.search.candidates import Candidate, Role
from penjing.search.image.context import PictureContext
from penjing.search.image.models import TEACHER, TrainedVision
from penjing.search.precision import arrays_of, mean_divergence
from penjing.shrink.quantize import Quantized, calibrate, output_errors, quantize
from penjing.train.convnet import load_convnet
from penjing.train.device import Device
from penjing.train.picture_linear import train_picture_linear
from penjing.train.pictures import Pictures
from penjing.train.vision_lessons import picture_logits

LINEAR = "linear"
_CALIBRATION, _COMPARED = 256, 128
_DIVERGENCE_TOLERANCE = 0.005  # mean KL from the float32 answers, in nats, above which layers are reverted
_EXACT = Device("cpu", bfloat16=False)


def picture_baseline(context: PictureContext) -> Candidate:
    """Return the baseline: a linear model of coarse pixels."""
    context.reporter.begin("linear")

    def make(folder: Path, _: Path) -> None:
        model = train_picture_linear(context.pictures("train"), seed=context.seed)
        graph = linear_to_onnx(model, side=context.frame.size, channels=context.frame.channels)
        recipe = (Step(name="linear", values={"pixels": context.frame.size // model.step}),)
        _write(context, folder, graph, LINEAR, recipe, model.parameters, side=context.frame.size, notes=())

    stage = context.store.stage("picture-linear", {"data": context.data_key, "seed": context.seed}, make)
    context.reporter.end("trained", reused=stage.reused)
    manifest = _read_manifest(stage.folder)
    return Candidate(
        LINEAR, "baseline", manifest.recipe, "onnxruntime", stage.folder / "bundle", stage.key, 0.0,
        manifest.parameters or 0, (),
    )  # fmt: skip


def vision_candidates(context: PictureContext, trained: TrainedVision) -> list[Candidate]:
    """Return a model in float32 and in int8; of a student the positions are int8 too."""
    teacher = trained.name == TEACHER
    return [
        _float32(context, trained, "teacher" if teacher else "candidate"),
        _int8(context, trained, "plain-int8" if teacher else "candidate", name=_int8_name(trained.name)),
    ]


def convnet_candidate(context: PictureContext, trained: TrainedVision) -> Candidate:
    """Return the convnet that teaches, in float32: on small pictures it may be the better model."""

    def make(folder: Path, _: Path) -> None:
        model, some = load_convnet(trained.folder), _sample(context, _COMPARED, side=context.frame.size)
        graph = convnet_to_onnx(arrays_of(model), image=context.frame.size, stem_stride=model.stem.stride[0])
        difference = check_parity(_answers(graph, some), picture_logits(model, some, device=_EXACT))
        note = f"ONNX = PyTorch to {difference:.1e} in a logit ({len(some)} pictures)"
        recipe = (Step(name="convnet"),)
        _write(context, folder, graph, trained.name, recipe, trained.parameters, side=context.frame.size, notes=(note,))

    return _candidate(context, trained, "candidate", trained.name, {"graph": CONVNET_GRAPH}, make)


def _int8_name(name: str) -> str:
    return f"{name} int8" if name == TEACHER else f"{name}, int8"


def _float32(context: PictureContext, trained: TrainedVision, role: Role) -> Candidate:
    def make(folder: Path, _: Path) -> None:
        model = trained.load()
        some = _sample(context, _COMPARED, side=model.shape.image)
        graph = vision_to_onnx(model.shape, arrays_of(model))
        difference = check_parity(_answers(graph, some), picture_logits(model, some, device=_EXACT))
        note = f"ONNX = PyTorch to {difference:.1e} in a logit ({len(some)} pictures)"
        _write(
            context, folder, graph, trained.name, trained.recipe, trained.parameters,
            side=model.shape.image, notes=(note,),
        )  # fmt: skip

    return _candidate(context, trained, role, trained.name, {"precision": "float32"}, make)


def _int8(context: PictureContext, trained: TrainedVision, role: Role, *, name: str) -> Candidate:
    def make(folder: Path, _: Path) -> None:
        model = trained.load()
        found = _settled(context, trained)
        graph = vision_to_onnx(model.shape, arrays_of(model), precision=found.precision)
        kept = f", float32 again: {', '.join(found.reverted)}" if found.reverted else ""
        note = f"mean KL to float32 {found.divergence:.1e} nats ({_COMPARED} pictures){kept}"
        recipe = (*trained.recipe, Step(name="int8", values={"reverted": list(found.reverted)}))
        _write(context, folder, graph, name, recipe, trained.parameters, side=model.shape.image, notes=(note,))

    inputs = {"precision": "int8", "tolerance": _DIVERGENCE_TOLERANCE, "pictures": [_CALIBRATION, _COMPARED]}
    return _candidate(context, trained, role, name, inputs, make)


def _settled(context: PictureContext, trained: TrainedVision) -> Quantized:
    """Return which layers are int8, and with what scales."""
    model = trained.load()
    side, shape, arrays = model.shape.image, model.shape, arrays_of(model)
    calibration, compared = _sample(context, _CALIBRATION, side=side), _sample(context, _COMPARED, side=side)
    ranges = calibrate(model, calibration, device=context.device)
    expected = _answers(vision_to_onnx(shape, arrays), compared)

    def measure(precision: Precision) -> float:
        found = _answers(vision_to_onnx(shape, arrays, precision=precision), compared)
        return mean_divergence(expected, found, multi_label=False)

    def errors() -> Mapping[str, float]:
        return output_errors(model, calibration, ranges, device=context.device)

    return quantize(ranges, measure=measure, errors=errors, tolerance=_DIVERGENCE_TOLERANCE)


def _sample(context: PictureContext, count: int, *, side: int) -> Pictures:
    """Return some training pictures in this size."""
    pictures = context.pictures("train")
    rows = np.random.default_rng(context.seed).permutation(len(pictures))[:count]
    return pictures.take(rows).resized(side)


def _answers(graph: onnx.ModelProto, pictures: Pictures) -> NDArray[np.float32]:
    return run_onnx(graph, {"pixels": np.ascontiguousarray(pictures.pixels)})


def _candidate(
    context: PictureContext,
    trained: TrainedVision,
    role: Role,
    name: str,
    inputs: Mapping[str, Any],
    make: Callable[[Path, Path], None],
) -> Candidate:
    context.reporter.begin(f"export {name}")
    keys = {"trained": trained.key, "name": name, "graph": VISION_GRAPH, **context.base_key, **inputs}
    stage = context.store.stage("picture-bundle", keys, make)
    manifest = _read_manifest(stage.folder)
    notes = tuple(json.loads((stage.folder / "notes.json").read_text(encoding="utf-8")))
    context.reporter.end(notes[0], reused=stage.reused)
    return Candidate(
        name, role, manifest.recipe, "onnxruntime", stage.folder / "bundle", stage.key, trained.train_s,
        manifest.parameters or 0, notes,
    )  # fmt: skip


def _write(
    context: PictureContext,
    folder: Path,
    graph: onnx.ModelProto,
    name: str,
    recipe: tuple[Step, ...],
    parameters: int,
    *,
    side: int,
    notes: tuple[str, ...],
) -> None:
    onnx.save(graph, folder / "model.onnx")
    frame = context.frame.model_copy(update={"size": side})
    manifest = Manifest(
        **stamp(),
        name=f"{context.task.name}: {name}",
        kind="image",
        engine="onnxruntime",
        model="model.onnx",
        input={"type": "pixels", **frame.model_dump()},
        outputs=Outputs(labels=context.splits.labels),
        recipe=recipe,
        parameters=parameters,
        origin=context.model.origin if context.model and name != LINEAR else None,
        task=context.task.model_dump(mode="json"),
    )
    write_bundle(folder / "bundle", manifest, {"model.onnx": folder / "model.onnx"})
    write_text(folder / "notes.json", json.dumps(notes))
    (folder / "model.onnx").unlink()


def _read_manifest(folder: Path) -> Manifest:
    return Manifest.model_validate_json((folder / "bundle" / "manifest.json").read_text(encoding="utf-8"))
