"""Trained models as bundles: each in float32 and in int8, exported, checked, and sealed as a stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import onnx

from penjing.bundle.manifest import Manifest, Outputs
from penjing.bundle.write import stamp, write_bundle
from penjing.export.layers import Embeddings
from penjing.export.onnx import GRAPH, encoder_to_onnx
from penjing.export.parity import check_parity, onnx_logits
from penjing.files import write_text
from penjing.records import Step
from penjing.search.context import Context
from penjing.search.models import Trained
from penjing.search.precision import Source, arrays_of, compared_tokens, divergence, settled, settled_from
from penjing.shrink.structure import keep_positions, put_pieces_back
from penjing.train.checkpoint import load_pretrained
from penjing.train.linear import train_linear
from penjing.train.predict import logits_of
from penjing.units import show_size

Role = Literal["baseline", "teacher", "plain-int8", "candidate"]

_STORED: Mapping[Embeddings, str] = {
    "float32": "",
    "int8": " + int8 embeddings",
    "int4": " + int4 embeddings",
}  # how a student's embeddings are stored beside int8 layers, and what its name says of it


@dataclass(frozen=True)
class Candidate:
    """One bundle that may be chosen, not measured yet."""

    name: str
    role: Role
    recipe: tuple[Step, ...]
    engine: str
    folder: Path
    key: str
    train_s: float
    parameters: int
    notes: tuple[str, ...]
    predicted_p50_s: float | None = None


def linear_candidate(context: Context) -> Candidate:
    """Return the baseline: hashed n-grams and a linear model, trained on the same rows."""
    context.reporter.begin("linear")

    def make(folder: Path, _: Path) -> None:
        trained = train_linear(
            context.texts("train"),
            context.truth["train"],
            dev=(context.texts("dev"), context.truth["dev"]),
            multi_label=context.splits.multi_label,
            metric=context.task.bar.metric,
            folder=folder,
        )
        manifest = _manifest(
            context,
            "linear",
            (Step(name="linear", values=trained.values),),
            engine="linear",
            model="model.safetensors",
            input_=trained.input,
            parameters=trained.parameters,
        )
        write_bundle(folder / "bundle", manifest, {"model.safetensors": trained.file})
        write_text(folder / "result.json", json.dumps({"train_s": trained.train_s}))
        trained.file.unlink()

    stage = context.store.stage(
        "linear",
        {"weights": "int8 of the fewest n-grams", "data": context.data_key, "metric": context.task.bar.metric},
        make,
    )
    manifest = _read_manifest(stage.folder)
    train_s = json.loads((stage.folder / "result.json").read_text(encoding="utf-8"))["train_s"]
    context.reporter.end("trained", reused=stage.reused)
    return Candidate(
        "linear", "baseline", manifest.recipe, "linear", stage.folder / "bundle", stage.key, train_s,
        manifest.parameters or 0, (),
    )  # fmt: skip


def teacher_candidates(context: Context, teacher: Trained) -> list[Candidate]:
    """Return the un-compressed teacher, its plain int8 if the budget has room, and the teacher with fewer pieces."""
    trained, longest = teacher.load(), context.vocabulary.max_length
    trimmed = Source(
        "trimmed teacher",
        (*teacher.recipe, context.vocabulary.step),
        keep_positions(trained, longest),
        context.vocabulary.tokenizer,
        teacher.key,
        teacher.train_s,
    )
    original = load_pretrained(context.model.folder, labels=len(context.splits.labels), seed=context.seed)
    whole = replace(
        trimmed,
        name="teacher",
        recipe=teacher.recipe,
        model=put_pieces_back(trained, context.vocabulary.kept.tolist(), original=original),
        tokenizer=context.model.folder / "tokenizer.json",
    )
    return [
        _float32(context, whole, "teacher"),
        *_plain_int8(context, whole, probe=trimmed),
        _float32(context, trimmed, "candidate"),
        _int8(context, trimmed, "candidate", name="trimmed teacher int8", embeddings="int8"),
    ]


def _plain_int8(context: Context, whole: Source, *, probe: Source) -> list[Candidate]:
    """Return the teacher in int8, but for its embeddings; nothing where these alone are larger than the budget."""
    name, limit = "teacher int8", context.task.budget.size
    embeddings = whole.model.words.weight.nbytes
    if limit is not None and embeddings > limit:
        context.reporter.begin(f"export {name}")
        detail = f"not made: its embeddings are {show_size(embeddings)}, the budget is {show_size(limit)}"
        context.reporter.end(detail, reused=False)
        return []
    return [_int8(context, whole, "plain-int8", name=name, embeddings="float32", probe=probe)]


def student_candidates(context: Context, student: Trained) -> list[Candidate]:
    """Return one student in float32, with int8 layers, and with int8 or int4 embeddings as well."""
    model = keep_positions(student.load(), context.vocabulary.max_length)
    source = Source(student.name, student.recipe, model, context.vocabulary.tokenizer, student.key, student.train_s)
    quantized = {
        embeddings: _int8(context, source, "candidate", name=f"{student.name}, int8{more}", embeddings=embeddings)
        for embeddings, more in _STORED.items()
    }
    predicted = replace(quantized["int4"], predicted_p50_s=student.predicted_p50_s)
    return [_float32(context, source, "candidate"), *(quantized | {"int4": predicted}).values()]


def _float32(context: Context, source: Source, role: Role) -> Candidate:
    def make(folder: Path, _: Path) -> None:
        tokens = compared_tokens(context, source)
        model = encoder_to_onnx(source.model.shape, arrays_of(source.model))
        expected = logits_of(source.model, tokens, device=replace(context.device, bfloat16=False))
        difference = check_parity(onnx_logits(model, tokens), expected)
        note = f"ONNX = PyTorch to {difference:.1e} in a logit ({len(tokens)} texts)"
        _write(context, folder, source, model, source.name, source.recipe, (note,))

    return _candidate(context, source, role, source.name, {"precision": "float32"}, make)


def _int8(
    context: Context,
    source: Source,
    role: Role,
    *,
    name: str,
    embeddings: Embeddings,
    probe: Source | None = None,
) -> Candidate:
    """Return `source` in int8; scales and reverts are settled on `probe` where that answers alike and is smaller."""

    def make(folder: Path, _: Path) -> None:
        found = settled(context, probe or source)
        precision = replace(found.precision, embeddings=embeddings)
        measure, texts = divergence(context, probe or source)
        model = encoder_to_onnx(source.model.shape, arrays_of(source.model), precision=precision)
        kept = f", float32 again: {', '.join(found.reverted)}" if found.reverted else ""
        note = f"mean KL to float32 {measure(precision):.1e} nats ({texts} texts){kept}"
        recipe = (*source.recipe, Step(name="int8", values={"reverted": list(found.reverted)}))
        if embeddings != "float32":
            recipe = (*recipe, Step(name=f"{embeddings}-embeddings"))
        _write(context, folder, source, model, name, recipe, (note,))

    inputs = {"precision": "int8", "embeddings": embeddings, "settled": settled_from(probe or source)}
    return _candidate(context, source, role, name, inputs, make)


def _candidate(
    context: Context, source: Source, role: Role, name: str, inputs: Mapping[str, Any], make: Any
) -> Candidate:
    context.reporter.begin(f"export {name}")
    stage = context.store.stage(
        "bundle",
        {
            "trained": source.key,
            "positions": source.model.shape.positions,
            "name": name,
            "graph": GRAPH,
            **context.base_key,
            **inputs,
        },
        make,
    )
    manifest = _read_manifest(stage.folder)
    notes = tuple(json.loads((stage.folder / "notes.json").read_text(encoding="utf-8")))
    context.reporter.end(notes[0], reused=stage.reused)
    return Candidate(
        name, role, manifest.recipe, "onnxruntime", stage.folder / "bundle", stage.key, source.train_s,
        manifest.parameters or 0, notes,
    )  # fmt: skip


def _write(
    context: Context,
    folder: Path,
    source: Source,
    model: onnx.ModelProto,
    name: str,
    recipe: tuple[Step, ...],
    notes: tuple[str, ...],
) -> None:
    onnx.save(model, folder / "model.onnx")
    input_ = {
        "type": "tokens",
        "tokenizer": "tokenizer.json",
        "max_length": context.vocabulary.max_length,
        "pad_id": source.model.shape.pad_id,
    }
    manifest = _manifest(
        context,
        name,
        recipe,
        engine="onnxruntime",
        model="model.onnx",
        input_=input_,
        parameters=source.model.parameter_count(),
    )
    write_bundle(folder / "bundle", manifest, {"model.onnx": folder / "model.onnx", "tokenizer.json": source.tokenizer})
    (folder / "model.onnx").unlink()
    write_text(folder / "notes.json", json.dumps(notes))


def _manifest(
    context: Context,
    name: str,
    recipe: tuple[Step, ...],
    *,
    engine: str,
    model: str,
    input_: dict[str, Any],
    parameters: int,
) -> Manifest:
    outputs = Outputs(labels=context.splits.labels, multi_label=context.splits.multi_label)
    return Manifest(
        **stamp(),
        name=f"{context.task.name}: {name}",
        engine=engine,
        model=model,
        input=input_,
        outputs=outputs,
        recipe=recipe,
        parameters=parameters,
        origin=None if engine == "linear" else context.model.origin,
        task=context.task.model_dump(mode="json"),
    )


def _read_manifest(folder: Path) -> Manifest:
    return Manifest.model_validate_json((folder / "bundle" / "manifest.json").read_text(encoding="utf-8"))
