"""Bytes of weights in each format: blocks of quantized types, and which tensor a mixture gives which type.

Source: llama.cpp, `ggml-common.h` (blocks) and `llama-quant.cpp` (mixtures); Dettmers et al. 2023, "QLoRA" (NF4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from penjing.errors import TaskError
from penjing.estimate.tensors import Model, Tensor

BLOCKS: Mapping[str, tuple[int, int]] = {
    "F32": (4, 1), "F16": (2, 1), "BF16": (2, 1),
    "Q8_0": (34, 32), "Q4_0": (18, 32), "Q4_1": (20, 32), "Q5_0": (22, 32), "Q5_1": (24, 32), "MXFP4": (17, 32),
    "Q2_K": (84, 256), "Q3_K": (110, 256), "Q4_K": (144, 256), "Q5_K": (176, 256), "Q6_K": (210, 256),
    "IQ4_XS": (136, 256),
}  # fmt: skip
"""Bytes, and the weights that they hold."""
PLAIN: Mapping[str, float] = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "int8": 1.0}
NF4_BITS, NF4_DOUBLE_BITS = 4 + 32 / 64, 4 + 8 / 64 + 32 / (64 * 256)
_SMALLER_BLOCKS = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "IQ4_XS": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
"""As llama.cpp does; IQ4_NL, which it takes for the first three, has blocks of the size of Q4_0's."""
_SMALL = frozenset({"norm", "bias", "router", "positions", "types", "other"})
_HEAD_ROLES = frozenset({"head"})


def file_bytes(model: Model, format_: str) -> float:
    """Return the bytes of all weights in a format: a plain type, a GGUF type or mixture, nf4 or nf4-double.

    Raises:
        TaskError: there is no such format.
    """
    if format_ in PLAIN:
        return model.parameters * PLAIN[format_]
    if format_ in {"nf4", "nf4-double"}:
        return _nf4(model, NF4_BITS if format_ == "nf4" else NF4_DOUBLE_BITS)
    chosen = _MIXTURES.get(format_) or (_uniform(format_) if format_ in BLOCKS else None)
    if chosen is None:
        raise TaskError(
            "unknown format of weights", value=format_, rule=", ".join((*PLAIN, "nf4", *BLOCKS, *_MIXTURES))
        )
    return sum(tensor_bytes(tensor, chosen(tensor, model)) for tensor in model.tensors)


def tensor_bytes(tensor: Tensor, type_name: str) -> float:
    """Return the bytes of one tensor; rows that do not fill a block get a type with smaller blocks, or F16."""
    for name in (type_name, _SMALLER_BLOCKS.get(type_name, type_name), "F16"):
        size, weights = BLOCKS[name]
        if tensor.shape[-1] % weights == 0:
            break
    return prod(tensor.shape) * tensor.copies / weights * size


def bits_per_weight(model: Model, format_: str) -> float:
    """Return the mean bits of a weight."""
    return 8 * file_bytes(model, format_) / model.parameters


Chooser = Callable[[Tensor, Model], str]


def _uniform(type_name: str) -> Chooser:
    def choose(tensor: Tensor, model: Model) -> str:
        if tensor.role in _SMALL:
            return "F32"
        if type_name in {"Q4_0", "Q4_1", "Q5_0", "Q5_1"} and _is_output(tensor, model):
            return "Q6_K"
        return type_name

    return choose


def _is_output(tensor: Tensor, model: Model) -> bool:
    return tensor.role in _HEAD_ROLES or (model.tied and tensor.role == "embed")


def _more_bits(layer: int, layers: int) -> bool:
    """Return whether a layer is one of the half that gets more: the first and last eighths, and every third between."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def _medium(base: str) -> Chooser:
    def choose(tensor: Tensor, model: Model) -> str:
        if tensor.role in _SMALL:
            return "F32"
        if _is_output(tensor, model):
            return "Q6_K"
        if tensor.role in {"v", "down"} and _more_bits(tensor.layer or 0, model.layers):
            return "Q6_K"
        if tensor.role == "v" and model.layers >= _SEVENTY_B and model.heads >= 8 * model.kv_heads:
            return "Q5_K"
        return base

    return choose


def _small(base: str, more: str) -> Chooser:
    def choose(tensor: Tensor, model: Model) -> str:
        if tensor.role in _SMALL:
            return "F32"
        if _is_output(tensor, model):
            return "Q6_K"
        first = tensor.layer if tensor.layer is not None else model.layers
        if (tensor.role == "v" and first < 4) or (tensor.role == "down" and first < model.layers // 8):
            return more
        return base

    return choose


_SEVENTY_B = 80
_MIXTURES: Mapping[str, Chooser] = {
    "Q4_K_M": _medium("Q4_K"),
    "Q5_K_M": _medium("Q5_K"),
    "Q4_K_S": _small("Q4_K", "Q5_K"),
}


def _nf4(model: Model, bits: float) -> float:
    """Return four bits and scales for the matrices of layers; embeddings, head and norms stay in 16 bits."""
    rounded = sum(t.size for t in model.tensors if t.is_matrix and t.layer is not None and t.role != "router")
    return rounded * bits / 8 + (model.parameters - rounded) * 2
