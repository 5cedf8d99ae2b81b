"""What an engineer would do with the same teacher and no penjing: each peer's files, made by its own tool."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.systems import system_command
from penjing.bundle import load, read_manifest, write_bundle
from penjing.bundle.worker import worker_command
from penjing.train.encoder import Encoder

Command = list[str]
_CALIBRATION_TEXTS = 300  # NNCF's default


def pytorch(encoder: Encoder, bundle: Path, folder: Path, *, threads: int) -> Command:
    """Write the teacher as a transformers checkpoint with a separate head."""
    import torch
    from safetensors.torch import save_file
    from transformers import BertConfig, BertModel

    shape = encoder.shape
    config = BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads[0],
        intermediate_size=shape.ffn[0],
        max_position_embeddings=shape.positions,
        layer_norm_eps=shape.epsilon,
        pad_token_id=shape.pad_id,
    )
    model = BertModel(config, add_pooling_layer=False)
    state = encoder.state_dict()
    theirs = {
        "embeddings.word_embeddings.weight": state["words.weight"],
        "embeddings.position_embeddings.weight": state["positions.weight"],
        "embeddings.token_type_embeddings.weight": torch.zeros(config.type_vocab_size, shape.hidden),
    }
    for part in ("weight", "bias"):
        theirs[f"embeddings.LayerNorm.{part}"] = state[f"embedding_norm.{part}"]
        for layer in range(shape.layers):
            ours, name = f"blocks.{layer}", f"encoder.layer.{layer}"
            for key, value in zip(("query", "key", "value"), state[f"{ours}.qkv.{part}"].chunk(3), strict=True):
                theirs[f"{name}.attention.self.{key}.{part}"] = value
            theirs[f"{name}.attention.output.dense.{part}"] = state[f"{ours}.attention_out.{part}"]
            theirs[f"{name}.attention.output.LayerNorm.{part}"] = state[f"{ours}.attention_norm.{part}"]
            theirs[f"{name}.intermediate.dense.{part}"] = state[f"{ours}.ffn_in.{part}"]
            theirs[f"{name}.output.dense.{part}"] = state[f"{ours}.ffn_out.{part}"]
            theirs[f"{name}.output.LayerNorm.{part}"] = state[f"{ours}.ffn_norm.{part}"]
    missing, unexpected = model.load_state_dict(theirs, strict=False)
    if unexpected or any(not name.endswith("_ids") for name in missing):
        raise RuntimeError(f"weights do not fit: missing {missing}, unexpected {unexpected}")
    model.save_pretrained(folder)
    head = {part: state[f"head.{part}"].contiguous() for part in ("weight", "bias")}
    save_file(head, folder / "head.safetensors")
    _write_tokens(bundle, folder)
    return system_command("pytorch", folder, threads=threads)


def onnxruntime_float32(bundle: Path, folder: Path, *, threads: int) -> Command:
    """Take the exported teacher as it is."""
    _copy(bundle, folder, bundle / "model.onnx")
    return worker_command(folder, threads=threads)


def onnxruntime_int8(bundle: Path, folder: Path, *, threads: int, model: Path | None = None) -> Command:
    """Quantize the exported teacher, or `model`, with onnxruntime's dynamic int8: its way for transformers."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantized = folder.with_suffix(".onnx")
    quantize_dynamic(
        model or bundle / "model.onnx",
        quantized,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul", "Gather"],  # it takes ONNX's Attention for its own of that name
    )
    _copy(bundle, folder, quantized)
    quantized.unlink()
    return worker_command(folder, threads=threads)


def openvino(bundle: Path, folder: Path, *, threads: int) -> Command:
    """Run the exported teacher in OpenVINO."""
    _copy(bundle, folder, bundle / "model.onnx")
    return worker_command(folder, threads=threads, engine="openvino")


def nncf_int8(bundle: Path, folder: Path, *, texts: Sequence[str], threads: int) -> Command:
    """Quantize the exported teacher with NNCF's post-training int8 for transformers."""
    os.environ.setdefault("NNCF_CI", "1")  # its own switch: no telemetry
    import nncf
    import openvino as ov

    teacher = load(bundle)
    items: list[dict[str, Any]] = [dict(teacher.encode([text])) for text in texts[:_CALIBRATION_TEXTS]]
    model = nncf.quantize(
        ov.Core().read_model(bundle / "model.onnx"), nncf.Dataset(items), model_type=nncf.ModelType.TRANSFORMER
    )
    folder.mkdir(parents=True, exist_ok=True)
    ov.save_model(model, folder / "model.xml")
    _write_tokens(bundle, folder)
    return system_command("openvino-ir", folder, threads=threads)


def _copy(bundle: Path, folder: Path, model: Path) -> None:
    """Write a bundle like `bundle` with the file `model` in it."""
    write_bundle(folder, read_manifest(bundle), {"model.onnx": model, "tokenizer.json": bundle / "tokenizer.json"})


def _write_tokens(bundle: Path, folder: Path) -> None:
    shutil.copyfile(bundle / "tokenizer.json", folder / "tokenizer.json")
    (folder / "tokens.json").write_text(json.dumps(read_manifest(bundle).input), encoding="utf-8")
