"""A checkpoint of the hub (config.json, tokenizer.json, safetensors) as a GGUF file, its matrices in F16.

Source: llama.cpp, convert_hf_to_gguf.py (names, the order of rows, what the header says of each architecture).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.errors import MissingExtraError, ModelError
from penjing.export.gguf_vocabulary import Vocabulary, read_vocabulary
from penjing.gguf.file import gguf_library
from penjing.train.gguf_layers import EMBEDDINGS, interleaved
from penjing.train.model_folder import stated_licence

_ARCHITECTURES = {"llama": "LLAMA", "qwen2": "QWEN2", "qwen3": "QWEN3"}
_HEAD_TENSOR = "lm_head.weight"
_LLAMA_HEADS = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}


def write_gguf(folder: Path, target: Path, *, name: str) -> None:
    """Write the causal model in `folder` to `target`, which appears when whole; its header calls it `name`.

    Raises:
        ModelError: files are missing or damaged, or the architecture or its vocabulary is not known.
        MissingExtraError: gguf or torch is not installed.
    """
    config = _json(folder / "config.json")
    _check(config)
    pieces = read_vocabulary(folder, size=int(config["vocab_size"]))
    partial = target.with_name(f".{target.name}.partial")
    try:
        writer = gguf_library().GGUFWriter(partial, config["model_type"])
        writer.add_name(name)
        writer.add_license(stated_licence(folder))
        _write_header(writer, config)
        _write_vocabulary(writer, pieces)
        with ExitStack() as stack:
            _write_tensors(writer, config, _weights(folder, stack))
        writer.close()
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path.name} cannot be read", value=str(path.parent), rule=str(error)) from None
    if not isinstance(found, dict):
        raise ModelError(f"{path.name} is no JSON object", value=str(path.parent))
    return found


def _check(config: Mapping[str, Any]) -> None:
    kind = config.get("model_type")
    if kind not in _ARCHITECTURES:
        raise ModelError(
            "this architecture cannot be written as GGUF",
            value=kind,
            rule=f"model_type is one of {', '.join(_ARCHITECTURES)}",
            next_step="Start from a GGUF file of it: gguf:FILE",
        )
    rope = _rope(config)
    if rope.get("rope_type", rope.get("type", "default")) != "default":
        raise ModelError("scaled positions cannot be written as GGUF", value=str(rope), rule="rope_type default")
    if config.get("use_sliding_window"):
        raise ModelError("a sliding window cannot be written as GGUF", value=kind, rule="use_sliding_window false")


def _rope(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is said of rotary positions, by the older or the newer name."""
    return {"rope_theta": config.get("rope_theta", 10_000.0)} | (
        config.get("rope_parameters") or config.get("rope_scaling") or {}
    )


def _write_header(writer: Any, config: Mapping[str, Any]) -> None:
    heads = int(config["num_attention_heads"])
    head_size = int(config.get("head_dim") or config["hidden_size"] // heads)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(head_size)
    writer.add_rope_freq_base(float(_rope(config)["rope_theta"]))
    writer.add_file_type(gguf_library().LlamaFileType.MOSTLY_F16)


def _write_vocabulary(writer: Any, found: Vocabulary) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(found.split)
    writer.add_token_list(found.pieces)
    writer.add_token_types(found.types)
    writer.add_token_merges(found.merges)
    if found.first is not None:
        writer.add_bos_token_id(found.first)
    if found.last is not None:
        writer.add_eos_token_id(found.last)
    writer.add_add_bos_token(found.begins)
    if found.template:
        writer.add_chat_template(found.template)


def _weights(folder: Path, stack: ExitStack) -> dict[str, Any]:
    """Return the open safetensors file of each weight, by its name."""
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise MissingExtraError(error.name or "safetensors", extra="train") from None
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise ModelError("no weights", value=str(folder), rule="safetensors")
    try:
        files = [stack.enter_context(safe_open(path, framework="pt")) for path in paths]
    except (SafetensorError, OSError) as error:
        raise ModelError("the weights are damaged", value=str(folder), rule=str(error)) from None
    return {name: file for file in files for name in file.keys()}  # noqa: SIM118 (no mapping)


def _write_tensors(writer: Any, config: Mapping[str, Any], weights: Mapping[str, Any]) -> None:
    gguf = gguf_library()
    known = gguf.get_tensor_name_map(
        gguf.MODEL_ARCH[_ARCHITECTURES[config["model_type"]]], int(config["num_hidden_layers"])
    )
    names = {}
    for theirs in weights:
        if theirs == _HEAD_TENSOR and config.get("tie_word_embeddings"):
            continue
        name = known.get_name(theirs, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise ModelError("a weight has no place in GGUF", value=theirs, rule=f"those of {config['model_type']}")
        names[theirs] = name
    for theirs, name in names.items():
        shape = weights[theirs].get_slice(theirs).get_shape()
        if name == EMBEDDINGS and shape[0] != config["vocab_size"]:
            raise ModelError(
                "the weights do not fit config.json", value=f"{shape[0]} pieces", rule=f"{config['vocab_size']}"
            )
        kind = np.dtype(np.float16 if len(shape) > 1 else np.float32)
        writer.add_tensor_info(name, shape, kind, int(np.prod(shape)) * kind.itemsize)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for values in _stored(config, weights, names):
        writer.write_tensor_data(values)


def _stored(config: Mapping[str, Any], weights: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[NDArray[Any]]:
    for theirs in names:
        values: NDArray[np.float32] = weights[theirs].get_tensor(theirs).float().numpy()
        heads = next((count for part, count in _LLAMA_HEADS.items() if f".{part}." in theirs), None)
        if heads and config["model_type"] == "llama":
            count = int(config.get(heads) or config["num_attention_heads"])
            values = values[interleaved(len(values), heads=count)]
        yield np.ascontiguousarray(values, np.float16 if values.ndim > 1 else np.float32)
