"""Tiny bundles, made in the test: one that runs in onnxruntime and OpenVINO, one that is linear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from penjing.bundle.manifest import Golden, Manifest, Outputs
from penjing.bundle.read import load
from penjing.bundle.write import write_bundle
from penjing.engines.ngrams import NgramEncoder

LABELS = ("bad", "good")
WORDS = ("[PAD]", "[UNK]", "good", "bad", "film", "很", "好", "🎉")
MAX_LENGTH = 16
SHORT_ENCODER = NgramEncoder(buckets=64, characters=(1, 2), words=(1,))


def write_tokenizer(path: Path) -> Path:
    """A word-level tokenizer."""
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(path))
    return path


def write_onnx(path: Path, *, labels: int = 2) -> Path:
    """The mean over the pieces of one row of a table each."""
    table = np.random.default_rng(3).normal(size=(len(WORDS), labels)).astype(np.float32)
    table[2, -1], table[3, 0] = 4.0, 4.0
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["pieces"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide_mask"]),
        helper.make_node("Mul", ["pieces", "wide_mask"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "middle"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "middle"], ["count"], keepdims=1),
        helper.make_node("Max", ["count", "one"], ["least_one"]),
        helper.make_node("Div", ["sum", "least_one"], ["logits"]),
    ]
    constants = {
        "table": table,
        "last": np.array([2], np.int64),
        "middle": np.array([1], np.int64),
        "one": np.array([1], np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "length"]) for name in
         ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", labels])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def write_linear(path: Path) -> Path:
    """A binary model: a weight of chance for every bucket."""
    buckets = np.arange(SHORT_ENCODER.buckets, dtype=np.uint32)
    weight = np.random.default_rng(5).integers(-127, 128, size=(len(buckets), 1)).astype(np.int8)
    scale, bias = np.full(len(buckets), 0.02, np.float32), np.full(1, 0.1, np.float32)
    save_file({"buckets": buckets, "weight": weight, "scale": scale, "bias": bias}, path)
    return path


def manifest(**changes: Any) -> Manifest:
    """The manifest of a token bundle."""
    values: dict[str, Any] = {
        "created": "2026-01-01T00:00:00+00:00",
        "penjing": "0.1.0",
        "name": "tiny",
        "engine": "onnxruntime",
        "model": "model.onnx",
        "input": {"type": "tokens", "tokenizer": "tokenizer.json", "max_length": MAX_LENGTH, "pad_id": 0},
        "outputs": Outputs(labels=LABELS),
        "recipe": (),
    }
    return Manifest.model_validate(values | changes)


def token_bundle(folder: Path, **changes: Any) -> Path:
    """Write a token bundle to folder/bundle."""
    folder.mkdir(exist_ok=True)
    made = manifest(**changes)
    files = {
        "model.onnx": write_onnx(folder / "model.onnx", labels=len(made.outputs.labels)),
        "tokenizer.json": write_tokenizer(folder / "tokenizer.json"),
    }
    write_bundle(folder / "bundle", made, files)
    return folder / "bundle"


def linear_bundle(folder: Path) -> Path:
    """Write a binary linear bundle to folder/bundle."""
    folder.mkdir(exist_ok=True)
    made = manifest(engine="linear", model="model.safetensors", input={"type": "ngrams", **SHORT_ENCODER.settings()})
    write_bundle(folder / "bundle", made, {"model.safetensors": write_linear(folder / "model.safetensors")})
    return folder / "bundle"


def golden_bundle(folder: Path, texts: list[str], *, shift: float = 0.0, **changes: Any) -> Path:
    """Write a token bundle with golden answers, their logits moved by `shift`."""
    from penjing.bundle.golden import write_golden

    logits = load(token_bundle(folder, **changes)).logits(texts)
    made = manifest(golden=Golden(n=len(texts), isa="avx2", tolerance=1e-3), **changes)
    write_golden(folder / "golden.jsonl", texts, logits + np.float32(shift), made.outputs.labels)
    names = ("model.onnx", "tokenizer.json", "golden.jsonl")
    write_bundle(folder / "bundle", made, {name: folder / name for name in names})
    return folder / "bundle"
