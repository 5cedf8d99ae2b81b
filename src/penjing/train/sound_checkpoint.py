"""Reads Whisper's encoder (config.json, model.safetensors) into a SoundTransformer; keeps models on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from penjing.errors import ModelError
from penjing.sounds.mel import DECADES
from penjing.train.model_folder import WEIGHTS, read_config
from penjing.train.sound import SoundShape, SoundTransformer

FAMILY = "whisper"
MOMENTS_A_SECOND = 100
SAVED = "sound.safetensors"
_PREFIXES = ("model.encoder.", "encoder.")
_BLOCK = {
    "attention_norm": "self_attn_layer_norm",
    "attention_out": "self_attn.out_proj",
    "ffn_norm": "final_layer_norm",
    "ffn_in": "fc1",
    "ffn_out": "fc2",
}
_LOUDEST = 1.5  # log10 of power at the top of a usual recording; what Whisper reads is (that + 4) / 4
_DEVIATION = 255 * 4 / DECADES
_MEAN = float(round(255 * (DECADES - _LOUDEST - 4) / DECADES))  # whole, so that int8 holds it as it is


def load_pretrained_sound(folder: Path, *, labels: int, moments: int, seed: int) -> SoundTransformer:
    """Return the encoder of a Hugging Face folder for so many moments, with a fresh head, all moments alike.

    Raises:
        ModelError: the architecture is not Whisper's, or weights are missing or of another shape.
    """
    config = read_config(folder)
    if config["model_type"] != FAMILY:
        raise ModelError("this architecture cannot be fitted to sounds yet", value=config["model_type"], rule=FAMILY)
    if config.get("activation_function", "gelu") != "gelu":
        raise ModelError(
            "this activation function cannot be exported", value=config["activation_function"], rule="gelu"
        )
    most = int(config.get("max_source_positions", 1500)) * 2
    if moments > most:
        raise ModelError("the checkpoint hears less at once", value=f"{moments} moments", rule=f"at most {most}")
    tensors = _encoder(load_file(folder / WEIGHTS))
    try:
        shape = _shape(config, labels=labels, moments=moments)
        torch.manual_seed(seed)
        model = SoundTransformer(shape)
        zeros = {
            f"{name}.{kind}": torch.zeros_like(getattr(getattr(model, name), kind))
            for name in ("head", "listen")
            for kind in ("weight", "bias")
        }
        model.load_state_dict({**model.state_dict(), **_renamed(tensors, shape), **zeros})
    except KeyError as error:
        raise _misfit(folder, f"{error.args[0]} is missing") from error
    except RuntimeError as error:
        raise _misfit(folder, str(error).splitlines()[-1].strip()) from error
    return model


def checkpoint_bands(folder: Path) -> int:
    """Return how many bands of pitches the checkpoint in `folder` reads."""
    return int(read_config(folder).get("num_mel_bins", 80))


def save_sound(model: SoundTransformer, folder: Path) -> None:
    """Write sound.safetensors and shape.json into `folder`, which exists."""
    save_file({name: value.detach().contiguous() for name, value in model.state_dict().items()}, folder / SAVED)
    (folder / "shape.json").write_text(json.dumps(model.shape.to_json()), encoding="utf-8")


def load_sound(folder: Path) -> SoundTransformer:
    """Return the model that `save_sound` wrote."""
    shape = SoundShape.from_json(json.loads((folder / "shape.json").read_text(encoding="utf-8")))
    with torch.device("meta"):
        model = SoundTransformer(shape)
    model.load_state_dict(load_file(folder / SAVED), assign=True)
    return model.eval()


def _encoder(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the encoder's tensors by their names in it."""
    return {
        name.removeprefix(prefix): value.float()
        for prefix in _PREFIXES
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _shape(config: Mapping[str, Any], *, labels: int, moments: int) -> SoundShape:
    hidden, heads, layers = (int(config[name]) for name in ("d_model", "encoder_attention_heads", "encoder_layers"))
    return SoundShape(
        bands=int(config.get("num_mel_bins", 80)),
        moments=moments,
        hidden=hidden,
        head_size=hidden // heads,
        heads=(heads,) * layers,
        ffn=(int(config["encoder_ffn_dim"]),) * layers,
        labels=labels,
        mean=(_MEAN,),
        deviation=(_DEVIATION,),
    )


def _renamed(tensors: Mapping[str, Tensor], shape: SoundShape) -> dict[str, Tensor]:
    state = {
        "positions": tensors["embed_positions.weight"][: shape.length],
        "norm.weight": tensors["layer_norm.weight"],
        "norm.bias": tensors["layer_norm.bias"],
    }
    for place in range(2):
        kernel = tensors[f"conv{place + 1}.weight"]  # (hidden, inputs, 3)
        state[f"stem.{place}.weight"] = kernel.permute(0, 2, 1).flatten(1)
        state[f"stem.{place}.bias"] = tensors[f"conv{place + 1}.bias"]
    for layer in range(shape.layers):
        theirs, ours = f"layers.{layer}", f"blocks.{layer}"
        for kind in ("weight", "bias"):
            state |= {f"{ours}.{new}.{kind}": tensors[f"{theirs}.{old}.{kind}"] for new, old in _BLOCK.items()}
        attention = f"{theirs}.self_attn"
        state[f"{ours}.qkv.weight"] = torch.cat([tensors[f"{attention}.{part}_proj.weight"] for part in "qkv"])
        query, value = (tensors[f"{attention}.{part}_proj.bias"] for part in "qv")
        state[f"{ours}.qkv.bias"] = torch.cat([query, torch.zeros_like(query), value])
    return state


def _misfit(folder: Path, what: str) -> ModelError:
    return ModelError(
        f"the weights in {folder} do not fit its config.json", value=what, next_step="Download the model again"
    )
