"""A checkpoint whose classifier is already trained becomes a bundle: exported and checked, nothing changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx
import torch

from penjing.bundle.manifest import Manifest, Outputs
from penjing.bundle.write import stamp, write_bundle
from penjing.errors import ModelError
from penjing.export.onnx import GRAPH, encoder_to_onnx
from penjing.export.parity import check_parity, onnx_logits
from penjing.records import Step
from penjing.train.batches import from_rows
from penjing.train.cached_folder import default_cache
from penjing.train.checkpoint import load_pretrained
from penjing.train.device import Device
from penjing.train.encoder import Encoder
from penjing.train.model_folder import classifier_rows, read_config
from penjing.train.predict import logits_of
from penjing.train.references import PretrainedModel, resolve_model

_FORMAT = 2  # raised when what is written changes
_MOST_PIECES = 512
_PARITY_LENGTHS = (2, 5, 16)


def bundle_from_checkpoint(reference: str, *, cache: Path | None = None) -> Path:
    """Return a float32 bundle of the classifier that `reference` names, made once and kept in `cache`.

    Raises:
        ModelError: there is no such model, or its classification head was never trained.
        ExportError: the exported file does not answer as the checkpoint.
    """
    place = cache or default_cache()
    model = resolve_model(reference, cache=place)
    if not model.has_classifier:
        raise ModelError(
            "this model's classification head was never trained, so its answers would be chance",
            value=reference,
            rule="a checkpoint with a trained classifier, or a bundle",
            next_step="Train it first: penjing fit TASK.toml, with this model as `model`",
        )
    labels = _labels(model)
    key = hashlib.sha256(f"{_FORMAT} {GRAPH} {model.key}".encode()).hexdigest()[:12]
    folder = place / f"checkpoint-{key}"
    if not (folder / "manifest.json").is_file():
        _write(model, labels, folder)
    return folder


def _labels(model: PretrainedModel) -> tuple[str, ...]:
    names = read_config(model.folder).get("id2label")
    if not isinstance(names, dict) or not all(str(index) in names for index in range(len(names))) or len(names) < 2:
        raise ModelError(
            "config.json does not name the labels",
            value=str(model.folder),
            rule='`id2label`: {"0": "negative", "1": "positive"}',
            next_step="Add it, in the order of the classifier's rows",
        )
    _check_head(model.folder, labels=len(names))
    return tuple(str(names[str(index)]) for index in range(len(names)))


def _check_head(folder: Path, *, labels: int) -> None:
    rows = classifier_rows(folder)
    if rows is None:
        raise ModelError(
            "this classification head cannot be exported",
            value=str(folder),
            rule="the head of its family in transformers, such as BERT's pooler and classifier",
            next_step="Fine-tune the model here: penjing fit TASK.toml",
        )
    if rows != labels:
        raise ModelError(
            "config.json and the classification head do not fit each other",
            value=f"{labels} labels in `id2label`, {rows} rows in the head",
            next_step="Name every row of the head in `id2label`, in order",
        )


def _write(model: PretrainedModel, labels: tuple[str, ...], folder: Path) -> None:
    encoder = load_pretrained(model.folder, labels=len(labels), seed=0).eval()
    arrays = {name: value.detach().numpy() for name, value in encoder.state_dict().items()}
    exported = encoder_to_onnx(encoder.shape, arrays)
    difference = _parity(exported, encoder)
    longest = min(_MOST_PIECES, encoder.shape.positions)
    config = read_config(model.folder)
    manifest = Manifest(
        **stamp(),
        name=model.origin.name,
        engine="onnxruntime",
        model="model.onnx",
        input={
            "type": "tokens",
            "tokenizer": "tokenizer.json",
            "max_length": longest,
            "pad_id": encoder.shape.pad_id,
        },
        outputs=Outputs(labels=labels, multi_label=config.get("problem_type") == "multi_label_classification"),
        parameters=encoder.parameter_count(),
        origin=model.origin,
        recipe=(Step(name="export", values={"largest_difference_of_a_logit": difference}),),
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    file = folder.with_suffix(".onnx")
    try:
        onnx.save(exported, file)
        write_bundle(folder, manifest, {"model.onnx": file, "tokenizer.json": model.folder / "tokenizer.json"})
    finally:
        file.unlink(missing_ok=True)


def _parity(exported: onnx.ModelProto, encoder: Encoder) -> float:
    """Check the export on pieces of chance: no text of the user's is at hand."""
    torch.manual_seed(0)
    longest = encoder.shape.positions
    rows = [torch.randint(encoder.shape.vocabulary, (min(n, longest),)).int().numpy() for n in _PARITY_LENGTHS]
    tokens = from_rows(rows, pad_id=encoder.shape.pad_id)
    return check_parity(onnx_logits(exported, tokens), logits_of(encoder, tokens, device=Device("cpu", bfloat16=False)))
