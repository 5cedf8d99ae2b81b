"""GGUF files of real shapes with weights of chance, spelt as a packaged model is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.foreseen.shapes import SHAPES
from penjing.gguf.file import Stored, open_gguf, rewrite
from penjing.gguf.quantize import fits, quantize

_ROWS, _SPREAD = 64, 0.02


def write_writer(source: Path, target: Path, shape: str, type_name: str) -> Path:
    """Write a model of a shape to `target`, with the vocabulary of the Llama in `source`."""
    values = SHAPES[shape]
    tensors = dict(_tensors(values, type_name))
    changed = {
        "llama.embedding_length": values["hidden_size"],
        "llama.block_count": values["num_hidden_layers"],
        "llama.feed_forward_length": values["intermediate_size"],
        "llama.attention.head_count": values["num_attention_heads"],
        "llama.attention.head_count_kv": values["num_key_value_heads"],
        "llama.rope.dimension_count": values["head_dim"],
    }
    rewrite(open_gguf(source), target, values=changed, tensors=tensors, names={name: name for name in tensors})
    return target


def _tensors(values: dict[str, Any], type_name: str) -> Iterator[tuple[str, Stored]]:
    width, ffn, head = values["hidden_size"], values["intermediate_size"], values["head_dim"]
    across = values["num_key_value_heads"] * head
    matrices = {
        "attn_q": (width, width), "attn_k": (across, width), "attn_v": (across, width), "attn_output": (width, width),
        "ffn_gate": (ffn, width), "ffn_up": (ffn, width), "ffn_down": (width, ffn),
    }  # fmt: skip
    norm = Stored(np.ones(width, np.float32), "F32")
    yield "token_embd.weight", _without_first(_matrix((values["vocab_size"], width), _output_type(type_name, width)))
    yield "output_norm.weight", norm
    for block in range(values["num_hidden_layers"]):
        for name in ("attn_norm", "ffn_norm"):
            yield f"blk.{block}.{name}.weight", norm
        for name, shape in matrices.items():
            yield f"blk.{block}.{name}.weight", _matrix(shape, type_name)


def _output_type(type_name: str, columns: int) -> str:
    """Return the type that llama.cpp's own tool gives embeddings which are the output too."""
    chosen = "Q6_K" if type_name == "Q4_0" else type_name
    return chosen if fits(chosen, columns) else "Q8_0"


def _without_first(stored: Stored) -> Stored:
    """Return embeddings whose first rows, those of the special pieces, are nothing: none of them ends an answer."""
    stored.data[:_ROWS] = 0
    return stored


def _matrix(shape: tuple[int, int], type_name: str) -> Stored:
    """Return rows of chance, a few of them over and over: what they are does not matter to time."""
    rows, columns = shape
    some = np.random.default_rng(rows).normal(0, _SPREAD, (min(rows, _ROWS), columns)).astype(np.float32)
    stored = some.astype(np.float16) if type_name == "F16" else quantize(some, type_name)
    return Stored(np.tile(stored, (-(-rows // len(some)), 1))[:rows], type_name)
