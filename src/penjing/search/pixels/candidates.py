"""Models of pixels as bundles: the baseline, and each model in float32 and in int8, exported and checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from penjing.bundle.manifest import Manifest, Outputs
from penjing.bundle.write import stamp, write_bundle
from penjing.export.integers import INT4_GROUP
from penjing.export.layers import FLOAT32, Precision
from penjing.export.nodes import Array
from penjing.export.onnx_convnet import CONVNET_GRAPH, convnet_to_onnx
from penjing.export.onnx_picture_linear import linear_to_onnx
from penjing.export.onnx_sound import SOUND_GRAPH, sound_to_onnx
from penjing.export.onnx_vision import VISION_GRAPH, vision_to_onnx
from penjing.export.parity import check_parity, run_onnx
from penjing.files import write_text
from penjing.records import Step
from penjing.search.candidates import Candidate, Role
from penjing.search.pixels.context import PixelContext
from penjing.search.pixels.trained import TEACHER, Trained
from penjing.search.precision import arrays_of, mean_divergence
from penjing.shrink.int4 import int4_weights
from penjing.shrink.quantize import Quantized, calibrate, output_errors, quantize
from penjing.train.convnet import load_convnet
from penjing.train.device import Device
from penjing.train.picture_linear import train_picture_linear
from penjing.train.pictures import Pictures
from penjing.train.sound import SoundShape
from penjing.train.vision import VisionShape
from penjing.train.vision_lessons import picture_logits

LINEAR = "linear"
_CALIBRATION, _COMPARED, _ROUNDED = 256, 128, 1_024
_DIVERGENCE_TOLERANCE = 0.005  # mean KL from the float32 answers, in nats, above which layers are reverted
_EXACT = Device("cpu", bfloat16=False)


def baseline(context: PixelContext) -> Candidate:
    """Return the baseline: a linear model of coarse pixels."""
    context.reporter.begin("linear")

    def make(folder: Path, _: Path) -> None:
        model = train_picture_linear(context.pictures("train"), seed=context.seed)
        graph = linear_to_onnx(model, shape=context.framing.shape)
        recipe = (Step(name="linear", values={"pixels": context.side // model.step}),)
        _write(context, folder, graph, LINEAR, recipe, model.parameters, side=context.side, notes=())

    stage = context.store.stage("picture-linear", {"data": context.data_key, "seed": context.seed}, make)
    context.reporter.end("trained", reused=stage.reused)
    manifest = _read_manifest(stage.folder)
    return Candidate(
        LINEAR, "baseline", manifest.recipe, "onnxruntime", stage.folder / "bundle", stage.key, 0.0,
        manifest.parameters or 0, (),
    )  # fmt: skip


def transformer_candidates(context: PixelContext, trained: Trained) -> list[Candidate]:
    """Return a model in float32 and in int8; a teacher that began as a checkpoint in int4 too.

    What a checkpoint knew of inputs that the data lacks is lost sooner by cutting than by rounding.
    """
    teacher = trained.name == TEACHER
    settle = cache(lambda: _settled(context, trained))
    found = [
        _float32(context, trained, "teacher" if teacher else "candidate"),
        _int8(context, trained, "plain-int8" if teacher else "candidate", settle, name=_int8_name(trained.name)),
    ]
    return [*found, _int4(context, trained, settle)] if teacher and context.model is not None else found


def convnet_candidate(context: PixelContext, trained: Trained) -> Candidate:
    """Return the convnet that teaches, in float32: on small pictures it may be the better model."""

    def make(folder: Path, _: Path) -> None:
        model, some = load_convnet(trained.folder), _sample(context, _COMPARED, side=context.side)
        graph = convnet_to_onnx(arrays_of(model), sides=context.framing.shape[:2], stem_stride=model.stem.stride[0])
        difference = check_parity(_answers(graph, some), picture_logits(model, some, device=_EXACT))
        note = f"ONNX = PyTorch to {difference:.1e} in a logit ({len(some)} examples)"
        recipe = (Step(name="convnet"),)
        _write(context, folder, graph, trained.name, recipe, trained.parameters, side=context.side, notes=(note,))

    return _candidate(context, trained, "candidate", trained.name, {"graph": CONVNET_GRAPH}, make)


def _int8_name(name: str) -> str:
    return f"{name} int8" if name == TEACHER else f"{name}, int8"


def _float32(context: PixelContext, trained: Trained, role: Role) -> Candidate:
    def make(folder: Path, _: Path) -> None:
        model = trained.load()
        some = _sample(context, _COMPARED, side=_side(model.shape))
        graph = _graph(model.shape, arrays_of(model))
        difference = check_parity(_answers(graph, some), picture_logits(model, some, device=_EXACT))
        note = f"ONNX = PyTorch to {difference:.1e} in a logit ({len(some)} examples)"
        _write(
            context, folder, graph, trained.name, trained.recipe, trained.parameters,
            side=_side(model.shape), notes=(note,),
        )  # fmt: skip

    return _candidate(context, trained, role, trained.name, {"precision": "float32"}, make)


def _int8(
    context: PixelContext, trained: Trained, role: Role, settle: Callable[[], Quantized], *, name: str
) -> Candidate:
    def make(folder: Path, _: Path) -> None:
        model, found = trained.load(), settle()
        graph = _graph(model.shape, arrays_of(model), precision=found.precision)
        kept = f", float32 again: {', '.join(found.reverted)}" if found.reverted else ""
        note = f"mean KL to float32 {found.divergence:.1e} nats ({_COMPARED} examples){kept}"
        recipe = (*trained.recipe, Step(name="int8", values={"reverted": list(found.reverted)}))
        _write(context, folder, graph, name, recipe, trained.parameters, side=_side(model.shape), notes=(note,))

    inputs = {"precision": "int8", "tolerance": _DIVERGENCE_TOLERANCE, "pictures": [_CALIBRATION, _COMPARED]}
    return _candidate(context, trained, role, name, inputs, make)


def _int4(context: PixelContext, trained: Trained, settle: Callable[[], Quantized]) -> Candidate:
    """Return the model with its blocks in four bits; what stands before them is as `settle` says of int8."""
    name = f"{trained.name} int4"

    def make(folder: Path, _: Path) -> None:
        model, settled = trained.load(), settle()
        weights = int4_weights(model, _sample(context, _ROUNDED, side=_side(model.shape)), device=context.device)
        outside = {layer: found for layer, found in settled.precision.linear.items() if layer not in weights}
        arrays, compared = arrays_of(model), _sample(context, _COMPARED, side=_side(model.shape))
        graph = _graph(model.shape, arrays, precision=Precision(linear=outside, embeddings="int8", int4=weights))
        divergence = mean_divergence(
            _answers(_graph(model.shape, arrays), compared), _answers(graph, compared), multi_label=False
        )
        note = f"mean KL to float32 {divergence:.1e} nats ({_COMPARED} examples)"
        reverted = [layer for layer in settled.reverted if layer not in weights]
        recipe = (*trained.recipe, Step(name="int4", values={"group": INT4_GROUP, "reverted": reverted}))
        _write(context, folder, graph, name, recipe, trained.parameters, side=_side(model.shape), notes=(note,))

    inputs = {"precision": "int4", "group": INT4_GROUP, "examples": [_CALIBRATION, _COMPARED, _ROUNDED]}
    return _candidate(context, trained, "candidate", name, inputs, make)


def _settled(context: PixelContext, trained: Trained) -> Quantized:
    """Return which layers are int8, and with what scales."""
    model = trained.load()
    side, shape, arrays = _side(model.shape), model.shape, arrays_of(model)
    calibration, compared = _sample(context, _CALIBRATION, side=side), _sample(context, _COMPARED, side=side)
    ranges = calibrate(model, calibration, device=context.device)
    expected = _answers(_graph(shape, arrays), compared)

    def measure(precision: Precision) -> float:
        found = _answers(_graph(shape, arrays, precision=precision), compared)
        return mean_divergence(expected, found, multi_label=False)

    def errors() -> Mapping[str, float]:
        return output_errors(model, calibration, ranges, device=context.device)

    return quantize(ranges, measure=measure, errors=errors, tolerance=_DIVERGENCE_TOLERANCE)


def _side(shape: VisionShape | SoundShape) -> int:
    return shape.image if isinstance(shape, VisionShape) else shape.bands


def _graph(
    shape: VisionShape | SoundShape, arrays: Mapping[str, Array], *, precision: Precision = FLOAT32
) -> onnx.ModelProto:
    if isinstance(shape, VisionShape):
        return vision_to_onnx(shape, arrays, precision=precision)
    return sound_to_onnx(shape, arrays, precision=precision)


def _sample(context: PixelContext, count: int, *, side: int) -> Pictures:
    """Return some training pictures in this size."""
    pictures = context.pictures("train")
    rows = np.random.default_rng(context.seed).permutation(len(pictures))[:count]
    return pictures.take(rows).resized(side) if side != context.side else pictures.take(rows)


def _answers(graph: onnx.ModelProto, pictures: Pictures) -> NDArray[np.float32]:
    return run_onnx(graph, {"pixels": np.ascontiguousarray(pictures.pixels)})


def _candidate(
    context: PixelContext,
    trained: Trained,
    role: Role,
    name: str,
    inputs: Mapping[str, Any],
    make: Callable[[Path, Path], None],
) -> Candidate:
    context.reporter.begin(f"export {name}")
    keys = {"trained": trained.key, "name": name, "graph": [VISION_GRAPH, SOUND_GRAPH], **context.base_key, **inputs}
    stage = context.store.stage("picture-bundle", keys, make)
    manifest = _read_manifest(stage.folder)
    notes = tuple(json.loads((stage.folder / "notes.json").read_text(encoding="utf-8")))
    context.reporter.end(notes[0], reused=stage.reused)
    return Candidate(
        name, role, manifest.recipe, "onnxruntime", stage.folder / "bundle", stage.key, trained.train_s,
        manifest.parameters or 0, notes,
    )  # fmt: skip


def _write(
    context: PixelContext,
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
    settings = context.framing.settings()
    if side != context.side:
        settings |= {"size": side}
    manifest = Manifest(
        **stamp(),
        name=f"{context.task.name}: {name}",
        kind=context.task.kind,
        engine="onnxruntime",
        model="model.onnx",
        input=settings,
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
