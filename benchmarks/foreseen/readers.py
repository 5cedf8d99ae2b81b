"""Bundles of encoders of real shapes with weights of chance, and the most memory that answering with one takes."""

from __future__ import annotations

from pathlib import Path

import onnx

from benchmarks.compare import THREADS
from benchmarks.foreseen.shapes import SHAPES, Reading
from penjing.bundle.manifest import Manifest, Outputs
from penjing.bundle.worker import worker_command
from penjing.bundle.write import stamp, write_bundle
from penjing.export.layers import FLOAT32, ActivationRange, Precision
from penjing.export.onnx import encoder_to_onnx
from penjing.measure.process import Worker
from penjing.shrink.quantize import int8_layers
from penjing.train.cached_folder import default_cache
from penjing.train.encoder import Encoder, EncoderShape
from penjing.train.references import resolve_model

_ANY_RANGE = ActivationRange(0.05, 128)
_LABELS = ("no", "yes")


def peak_of(case: Reading, work: Path) -> int:
    """Return the bytes that a process held at most that loaded a bundle and answered `case.batch` long texts."""
    folder = _bundle(case, work)
    text = "word " * case.tokens
    with Worker(worker_command(folder, threads=THREADS), threads=THREADS) as worker:
        for _ in range(3):
            worker.ask(op="logits", texts=[text] * case.batch)
        return int(worker.ask(op="memory")["peak_bytes"])


def _bundle(case: Reading, work: Path) -> Path:
    values = SHAPES[case.shape]
    heads, layers = values["num_attention_heads"], values["num_hidden_layers"]
    shape = EncoderShape(
        vocabulary=values["vocab_size"], hidden=values["hidden_size"], head_size=values["hidden_size"] // heads,
        heads=(heads,) * layers, ffn=(values["intermediate_size"],) * layers,
        positions=values["max_position_embeddings"], labels=len(_LABELS),
    )  # fmt: skip
    model = Encoder(shape)
    int8 = Precision(linear=dict.fromkeys(int8_layers(model), _ANY_RANGE), embeddings="int8")
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    file, folder = work / "model.onnx", work / "reader"
    onnx.save(encoder_to_onnx(shape, weights, precision=int8 if case.format_ == "int8" else FLOAT32), file)
    manifest = Manifest(
        **stamp(),
        name=case.name,
        engine="onnxruntime",
        model="model.onnx",
        input={"type": "tokens", "tokenizer": "tokenizer.json", "max_length": case.tokens, "pad_id": 0},
        outputs=Outputs(labels=_LABELS),
        recipe=(),
    )
    tokenizer = resolve_model(f"package:{case.package}", cache=default_cache()).folder / "tokenizer.json"
    write_bundle(folder, manifest, {"model.onnx": file, "tokenizer.json": tokenizer})
    file.unlink()
    return folder
