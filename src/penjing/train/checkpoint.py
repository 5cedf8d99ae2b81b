"""Reads a checkpoint of the BERT family (config.json, model.safetensors) into an Encoder; keeps encoders on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from penjing.errors import ModelError
from penjing.train.encoder import Encoder, EncoderShape
from penjing.train.families import Family, family_of

_NORMS = ("attention_norm", "ffn_norm")
_LINEARS = ("attention_out", "ffn_in", "ffn_out")
_OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
Tensors = Mapping[str, Tensor]


def load_pretrained(folder: Path, *, labels: int, seed: int) -> Encoder:
    """Return the encoder of a Hugging Face folder, with a fresh head (or the checkpoint's, if it has one).

    Raises:
        ModelError: the architecture is none of the family, or weights are missing or of another shape.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    family = family_of(config)
    tensors = _tensors(folder, family)
    try:
        shape = _shape(config, family, tensors, labels=labels, dense=_dense(folder, family, tensors))
        state = _renamed(tensors, family, shape, first_position=family.positions_before(config))
    except KeyError as error:
        raise _misfit(folder, f"{error.args[0]} is missing") from error
    torch.manual_seed(seed)
    encoder = Encoder(shape)
    torch.nn.init.normal_(encoder.head.weight, std=0.02)
    torch.nn.init.zeros_(encoder.head.bias)
    try:
        encoder.load_state_dict({**encoder.state_dict(), **state})
    except RuntimeError as error:
        raise _misfit(folder, str(error).splitlines()[-1].strip()) from error
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


def _misfit(folder: Path, what: str) -> ModelError:
    return ModelError(
        f"the weights in {folder} do not fit its config.json",
        value=what,
        next_step="Download the model again, or use one whose files belong together",
    )


def _tensors(folder: Path, family: Family) -> dict[str, Tensor]:
    """Return the weights by their names in the family's base model; LayerNorm's old names are renamed."""
    found = {}
    for name, value in load_file(folder / "model.safetensors").items():
        for old, new in _OLD_NAMES.items():
            name = name.replace(old, new)  # noqa: PLW2901 (one name after another)
        found[name.removeprefix(family.prefix)] = value
    return found


def _dense(folder: Path, family: Family, tensors: Tensors) -> str | None:
    """Return the layer that reads the first token, or None where texts are pooled by the mean.

    Sentence encoders are pooled by the mean, as they were trained; others by the dense layer that they bring.
    """
    if any((folder / name).is_file() for name in ("modules.json", "1_Pooling/config.json")):
        return None
    return next((name for name in family.dense if f"{name}.weight" in tensors), None)


def _shape(
    config: Mapping[str, Any], family: Family, tensors: Tensors, *, labels: int, dense: str | None
) -> EncoderShape:
    layers, heads, hidden = config[family.layers], config[family.heads], config[family.hidden]
    width = tensors["embeddings.word_embeddings.weight"].shape[1]
    return EncoderShape(
        vocabulary=config["vocab_size"],
        hidden=hidden,
        head_size=hidden // heads,
        heads=(heads,) * layers,
        ffn=(config[family.ffn],) * layers,
        positions=family.positions(config),
        labels=labels,
        pooling="first" if dense else "mean",
        pooler=family.dense_activation,
        epsilon=config.get("layer_norm_eps", 1e-12),
        pad_id=family.pad_id(config),
        rank=width if width != hidden else None,
        widened="sum" if width != hidden else "words",
    )


def _renamed(tensors: Tensors, family: Family, shape: EncoderShape, *, first_position: int) -> dict[str, Tensor]:
    positions = tensors["embeddings.position_embeddings.weight"][first_position:]
    types = tensors.get("embeddings.token_type_embeddings.weight")
    state = {
        "words.weight": tensors["embeddings.word_embeddings.weight"],
        "positions.weight": positions if types is None else positions + types[0],
    }
    for part in ("weight", "bias"):
        state[f"embedding_norm.{part}"] = tensors[f"embeddings.LayerNorm.{part}"]
        if shape.rank:
            state[f"widen.{part}"] = tensors[f"embeddings_project.{part}"]
        for layer in range(shape.layers):
            theirs, ours = family.layer.format(layer), f"blocks.{layer}"
            qkv = [tensors[f"{theirs}.{name}.{part}"] for name in (family.query, family.key, family.value)]
            state[f"{ours}.qkv.{part}"] = torch.cat(qkv)
            for name in (*_NORMS, *_LINEARS):
                state[f"{ours}.{name}.{part}"] = tensors[f"{theirs}.{getattr(family, name)}.{part}"]
    return state | _head(tensors, family, shape)


def _head(tensors: Tensors, family: Family, shape: EncoderShape) -> dict[str, Tensor]:
    """Return the pooler, and the classifier where the checkpoint has one for as many labels."""
    state = {}
    dense = next((name for name in family.dense if f"{name}.weight" in tensors), None)
    head = tensors.get(f"{family.head}.weight")
    for part in ("weight", "bias"):
        if shape.pooling == "first":
            state[f"pooler.{part}"] = tensors[f"{dense}.{part}"]
        if head is not None and head.shape[0] == shape.labels:
            state[f"head.{part}"] = tensors[f"{family.head}.{part}"]
    return state
