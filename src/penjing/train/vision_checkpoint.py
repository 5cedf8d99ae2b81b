"""Reads checkpoints of ViT and DeiT (config.json, model.safetensors) into a VisionTransformer; keeps models on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from penjing.errors import ModelError
from penjing.pictures.frame import Frame
from penjing.train.model_folder import WEIGHTS, read_config
from penjing.train.vision import VisionShape, VisionTransformer

FAMILIES = {"vit": "vit.", "deit": "deit."}
"""Architectures, and what the names of their weights begin with."""
_HEADS = ("classifier", "cls_classifier", "distillation_classifier")
_BLOCK = {
    "attention_norm": "layernorm_before",
    "attention_out": "attention.output.dense",
    "ffn_norm": "layernorm_after",
    "ffn_in": "intermediate.dense",
    "ffn_out": "output.dense",
}
_LARGEST = 255.0
_USUAL = (0.5, 0.5, 0.5)  # mean and deviation of a channel, where preprocessor_config.json says nothing
_RESAMPLE: Mapping[int, Literal["bilinear", "bicubic"]] = {2: "bilinear", 3: "bicubic"}  # by Pillow's numbers


def load_pretrained_vision(folder: Path, *, labels: Sequence[str], tokens: int, seed: int) -> VisionTransformer:
    """Return the model of a Hugging Face folder with `tokens` class tokens, and heads for these labels.

    Heads of the checkpoint are kept where they have the same labels, in the order asked for. A second token that the
    checkpoint lacks begins as a copy of the first, and one that is not wanted is left out.

    Raises:
        ModelError: the architecture is neither ViT nor DeiT, or weights are missing or of another shape.
    """
    config = read_config(folder)
    prefix = FAMILIES.get(str(config["model_type"]))
    if prefix is None:
        raise ModelError(
            "this architecture cannot be fitted to pictures yet",
            value=config["model_type"],
            rule=f"one of {', '.join(FAMILIES)}",
        )
    if config.get("hidden_act", "gelu") != "gelu":
        raise ModelError(
            "this activation function cannot be exported", value=config["hidden_act"], rule="hidden_act is gelu"
        )
    tensors = {name.removeprefix(prefix): value for name, value in load_file(folder / WEIGHTS).items()}
    mean, deviation = pixel_scaling(folder)
    try:
        shape = _shape(config, labels=len(labels), tokens=tokens, mean=mean, deviation=deviation)
        torch.manual_seed(seed)
        model = VisionTransformer(shape)
        state = {**model.state_dict(), **_renamed(tensors, shape), **_heads(tensors, shape, _rows(config, labels))}
        model.load_state_dict(state)
    except KeyError as error:
        raise _misfit(folder, f"{error.args[0]} is missing") from error
    except RuntimeError as error:
        raise _misfit(folder, str(error).splitlines()[-1].strip()) from error
    return model


def checkpoint_frame(folder: Path) -> Frame:
    """Return how the checkpoint in `folder` frames pictures, as its preprocessor_config.json says."""
    config = read_config(folder)
    size = int(config.get("image_size") or config.get("vision_config", {}).get("image_size", 224))
    found = _preprocessor(folder)
    resample = _RESAMPLE.get(int(found.get("resample", 2)), "bilinear")
    if not found.get("do_center_crop"):
        return Frame(size=size, way="stretch", resample=resample)
    shown = found.get("size", size)
    side = shown.get("height") or shown.get("shortest_edge") or size if isinstance(shown, dict) else shown
    return Frame(size=size, way="cover", share=min(1.0, size / float(side)), resample=resample)


def tokens_of(folder: Path) -> int:
    """Return how many class tokens the checkpoint in `folder` has."""
    return 2 if read_config(folder)["model_type"] == "deit" else 1


def save_vision(model: VisionTransformer, folder: Path) -> None:
    """Write vision.safetensors and shape.json into `folder`, which exists."""
    save_file({name: value.detach().contiguous() for name, value in model.state_dict().items()}, folder / _SAVED)
    (folder / "shape.json").write_text(json.dumps(model.shape.to_json()), encoding="utf-8")


def load_vision(folder: Path) -> VisionTransformer:
    """Return the model that `save_vision` wrote."""
    shape = VisionShape.from_json(json.loads((folder / "shape.json").read_text(encoding="utf-8")))
    with torch.device("meta"):
        model = VisionTransformer(shape)
    model.load_state_dict(load_file(folder / _SAVED), assign=True)
    return model.eval()


_SAVED = "vision.safetensors"


def _shape(
    config: Mapping[str, Any], *, labels: int, tokens: int, mean: tuple[float, ...], deviation: tuple[float, ...]
) -> VisionShape:
    hidden, heads, layers = (int(config[name]) for name in ("hidden_size", "num_attention_heads", "num_hidden_layers"))
    return VisionShape(
        image=int(config["image_size"]),
        patch=int(config["patch_size"]),
        hidden=hidden,
        head_size=hidden // heads,
        heads=(heads,) * layers,
        ffn=(int(config["intermediate_size"]),) * layers,
        labels=labels,
        mean=mean,
        deviation=deviation,
        tokens=tokens,
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
    )


def _renamed(tensors: Mapping[str, Tensor], shape: VisionShape) -> dict[str, Tensor]:
    positions = tensors["embeddings.position_embeddings"][0]
    before = positions.shape[0] - shape.side**2
    names = ("embeddings.cls_token", "embeddings.distillation_token")[:before]
    tokens = torch.cat([tensors[name][0] for name in names]) + positions[:before]
    patches = tensors["embeddings.patch_embeddings.projection.weight"]  # (hidden, channels, rows, columns)
    state = {
        "tokens": torch.cat([tokens, tokens[:1]])[: shape.tokens] if before < shape.tokens else tokens[: shape.tokens],
        "positions": positions[before:],
        "patches.weight": patches.permute(0, 2, 3, 1).flatten(1),
        "patches.bias": tensors["embeddings.patch_embeddings.projection.bias"],
        "norm.weight": tensors["layernorm.weight"],
        "norm.bias": tensors["layernorm.bias"],
    }
    for layer in range(shape.layers):
        theirs, ours = f"encoder.layer.{layer}", f"blocks.{layer}"
        for kind in ("weight", "bias"):
            state |= {f"{ours}.{new}.{kind}": tensors[f"{theirs}.{old}.{kind}"] for new, old in _BLOCK.items()}
            parts = [tensors[f"{theirs}.attention.attention.{part}.{kind}"] for part in ("query", "key", "value")]
            state[f"{ours}.qkv.{kind}"] = torch.cat(parts)
    return state


def _rows(config: Mapping[str, Any], labels: Sequence[str]) -> list[int] | None:
    """Return which rows of a head stand for `labels`; None where the checkpoint has other labels."""
    known = {str(name): int(row) for row, name in (config.get("id2label") or {}).items()}
    return [known[label] for label in labels] if known.keys() == set(labels) else None


def _heads(tensors: Mapping[str, Tensor], shape: VisionShape, rows: list[int] | None) -> dict[str, Tensor]:
    """Return the heads of the checkpoint where it has the same labels, and zeros for fresh ones."""
    found = [name for name in _HEADS if f"{name}.weight" in tensors]
    state = {}
    for place in range(shape.tokens):
        name = found[min(place, len(found) - 1)] if found else ""
        for kind, size in (("weight", (shape.labels, shape.hidden)), ("bias", (shape.labels,))):
            state[f"heads.{place}.{kind}"] = tensors[f"{name}.{kind}"][rows] if found and rows else torch.zeros(size)
    return state


def pixel_scaling(folder: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation of pixels from 0 to 255, by channel."""
    found = _preprocessor(folder)
    mean, deviation = (found.get(name, _USUAL) for name in ("image_mean", "image_std"))
    return tuple(_LARGEST * float(value) for value in mean), tuple(_LARGEST * float(value) for value in deviation)


def _preprocessor(folder: Path) -> dict[str, Any]:
    try:
        return cast(dict[str, Any], json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _misfit(folder: Path, what: str) -> ModelError:
    return ModelError(
        f"the weights in {folder} do not fit its config.json", value=what, next_step="Download the model again"
    )
