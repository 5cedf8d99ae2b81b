"""Whisper in CTranslate2's format, as packages carry it: its encoder as a Hugging Face folder.

Source of the format: CTranslate2's documentation and `ModelReader` (a version, the specification's name, a revision,
then each variable: name, shape, type, bytes; all little-endian).
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from penjing.errors import ModelError

_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_MOST_VARIABLES, _MOST_RANK = 100_000, 8
_LEAST_VERSION = 4
_LAYER = {
    "self_attn_layer_norm": "self_attention/layer_norm",
    "self_attn.out_proj": "self_attention/linear_1",
    "final_layer_norm": "ffn/layer_norm",
    "fc1": "ffn/linear_0",
    "fc2": "ffn/linear_1",
}
Variables = dict[str, NDArray[np.generic]]


class _Reader:
    """Reads numbers and names one after another, and never past the end."""

    def __init__(self, content: bytes) -> None:
        self._content, self._place = content, 0

    def number(self, kind: str) -> int:
        """Return the next number; `kind` is its letter in `struct`."""
        return int(struct.unpack("<" + kind, self.take(struct.calcsize(kind)))[0])

    def name(self) -> str:
        """Return the next name, which ends with a zero byte."""
        return self.take(self.number("H")).rstrip(b"\0").decode("utf-8")

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        found = self._content[self._place : self._place + count]
        if len(found) < count:
            raise _damaged("it ends too early")
        self._place += count
        return found


def read_variables(content: bytes) -> Variables:
    """Return the variables of a model.bin by name.

    >>> read_variables(b"")                                            # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    penjing.errors.ModelError: not a model of CTranslate2

    Raises:
        ModelError: it is none, is damaged, or of a version before 4.
    """
    reader = _Reader(content)
    try:
        version = reader.number("I")
        if version < _LEAST_VERSION:
            raise _damaged(f"version {version}, at least {_LEAST_VERSION} is read")
        reader.name()
        reader.number("I")
        count = reader.number("I")
        if count > _MOST_VARIABLES:
            raise _damaged(f"{count:,} variables")
        return dict(_variable(reader) for _ in range(count))
    except (UnicodeDecodeError, ValueError) as error:
        raise _damaged(str(error)) from None


def _variable(reader: _Reader) -> tuple[str, NDArray[np.generic]]:
    name, rank = reader.name(), reader.number("B")
    if rank > _MOST_RANK:
        raise _damaged(f"{name} has {rank} dimensions")
    shape = [reader.number("I") for _ in range(rank)]
    kind, size = reader.number("B"), reader.number("I")
    if kind not in _TYPES:
        raise _damaged(f"{name} has type {kind}")
    return name, np.frombuffer(reader.take(size), _TYPES[kind]).reshape(shape)


def write_encoder(content: bytes, folder: Path) -> None:
    """Write the encoder of Whisper's model.bin into `folder`, which exists: config.json and model.safetensors.

    Raises:
        ModelError: it is no Whisper, or its weights are not stored as numbers of 16 or 32 bits.
    """
    found = read_variables(content)
    try:
        layers = 1 + max(int(name.split("layer_")[1].split("/")[0]) for name in found if _of_layer(name))
        tensors = {"conv1": "encoder/conv1", "conv2": "encoder/conv2", "layer_norm": "encoder/layer_norm"}
        state: dict[str, NDArray[np.float32]] = {}
        for new, old in tensors.items():
            state |= _pair(found, new, old)
        state["embed_positions.weight"] = _floats(found, "encoder/position_encodings/encodings")
        for layer in range(layers):
            ours, theirs = f"layers.{layer}", f"encoder/layer_{layer}"
            for new, old in _LAYER.items():
                state |= _pair(found, f"{ours}.{new}", f"{theirs}/{old}")
            state |= _attention(found, f"{ours}.self_attn", f"{theirs}/self_attention/linear_0")
        heads = int(found["encoder/num_heads"])
    except (KeyError, ValueError) as error:
        raise ModelError(
            "not the weights of Whisper", value=str(error), next_step="Install the package again"
        ) from None
    hidden, bands, _ = state["conv1.weight"].shape
    config = {
        "architectures": ["WhisperModel"],
        "model_type": "whisper",
        "activation_function": "gelu",
        "d_model": hidden,
        "encoder_layers": layers,
        "encoder_attention_heads": heads,
        "encoder_ffn_dim": len(state["layers.0.fc1.weight"]),
        "num_mel_bins": bands,
        "max_source_positions": len(state["embed_positions.weight"]),
    }
    save_file({f"encoder.{name}": value for name, value in state.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def _of_layer(name: str) -> bool:
    return name.startswith("encoder/layer_") and not name.startswith("encoder/layer_norm")


def _pair(found: Variables, new: str, old: str) -> dict[str, NDArray[np.float32]]:
    """Return weight and bias of a layer; a normalization calls them gamma and beta."""
    weight, bias = ("gamma", "beta") if f"{old}/gamma" in found else ("weight", "bias")
    return {f"{new}.weight": _floats(found, f"{old}/{weight}"), f"{new}.bias": _floats(found, f"{old}/{bias}")}


def _attention(found: Variables, new: str, old: str) -> dict[str, NDArray[np.float32]]:
    """Return queries, keys and values apart; Whisper's keys have no bias."""
    weights, biases = (np.split(_floats(found, f"{old}/{kind}"), 3) for kind in ("weight", "bias"))
    state = {f"{new}.{part}_proj.weight": weights[place].copy() for place, part in enumerate("qkv")}
    return state | {f"{new}.q_proj.bias": biases[0].copy(), f"{new}.v_proj.bias": biases[2].copy()}


def _floats(found: Variables, name: str) -> NDArray[np.float32]:
    value = found[name]
    if value.dtype not in (np.float16, np.float32):
        raise ValueError(f"{name} holds {value.dtype}")
    return value.astype(np.float32)


def _damaged(what: str) -> ModelError:
    return ModelError("not a model of CTranslate2", value=what, next_step="Download it again")
