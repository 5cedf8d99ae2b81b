"""Floating-point operations: a multiplication with its addition counts as two.

Sources: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", appendix B; Chowdhery et al. 2022 (PaLM),
appendix B, whose convention is kept: the causal half of attention is not taken off. Libraries that count multiply-adds
as one (timm, fvcore) give half of this.
"""

from __future__ import annotations

from typing import Literal

from penjing.estimate.tensors import Model, Tensor

Tuning = Literal["full", "lora"]
_ENCODER_SIDES = frozenset({"encoder", "vision"})


def multiplied(model: Model, *, decoder: bool) -> int:
    """Return the numbers of the matrices that a token of one side is multiplied with; where it writes, the head too."""
    own = [
        tensor
        for tensor in model.tensors
        if tensor.is_matrix and _is_of(tensor, model, decoder=decoder) and (model.causal or tensor.role != "head")
    ]
    found = sum(tensor.used for tensor in own)
    if model.tied and decoder:
        found += model.vocabulary * _table_width(model)
    return found


def forward(model: Model, *, tokens: int, target_tokens: int = 0) -> float:
    """Return the operations of reading `tokens` (of an encoder with a decoder: and writing `target_tokens`) once.

    Pictures and sound have as many tokens as patches or frames, whatever is asked.

    >>> from penjing.estimate.tensors import read_model
    >>> gpt2 = read_model({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257,
    ...                    "n_positions": 1024})
    >>> f"{forward(gpt2, tokens=1024):.4g}"
    '2.916e+11'
    """
    if any(tensor.side == "vision" for tensor in model.tensors):
        return sum(tower(model, side, tokens=n) for side, n in (("vision", model.sequence), ("text", tokens)))
    tokens = model.sequence or tokens
    inner = model.heads * model.head_dim
    if not model.encoder_layers:
        once = sum(2.0 * t.used for t in model.tensors if t.role == "head" and t.is_matrix and not model.causal)
        return 2.0 * multiplied(model, decoder=True) * tokens + once + _attention(model, tokens, inner)
    encoder = 2.0 * multiplied(model, decoder=False) * tokens + 4.0 * tokens**2 * inner * model.encoder_layers
    cross_once = sum(2.0 * t.used * tokens for t in model.tensors if t.side == "cross" and t.role in {"k", "v"})
    own = 2.0 * (multiplied(model, decoder=True) - _cross_kv(model)) * target_tokens
    looking = 4.0 * target_tokens * (target_tokens + tokens) * inner * model.layers
    return encoder + (cross_once + own + looking if target_tokens else 0.0)


def tower(model: Model, side: str, *, tokens: int) -> float:
    """Return the operations of one tower of a model with two: "vision" or "text"."""
    own = [tensor for tensor in model.tensors if tensor.side == side and tensor.is_matrix]
    each = sum(tensor.used for tensor in own if tensor.layer is not None or tensor.role == "patch")
    once = sum(tensor.used for tensor in own if tensor.layer is None and tensor.role != "patch")
    widths = [tensor.shape[0] for tensor in own if tensor.role == "o"]
    return 2.0 * each * tokens + 2.0 * once + 4.0 * tokens**2 * sum(widths)


def training(
    model: Model, *, tokens: int, target_tokens: int = 0, tuning: Tuning = "full", checkpointing: bool = False
) -> float:
    """Return the operations of learning from `tokens` once: three times reading them; four where activations are
    computed again; one less where only small matrices beside the frozen ones learn."""
    times = 3 + checkpointing - (tuning == "lora")
    return times * forward(model, tokens=tokens, target_tokens=target_tokens)


def short_rule(parameters: float, tokens: float) -> float:
    """Return six operations a parameter and token: the usual round figure for training."""
    return 6.0 * parameters * tokens


def _attention(model: Model, tokens: int, inner: int) -> float:
    windows = model.windows or (None,) * model.layers
    return sum(4.0 * tokens * min(tokens, window or tokens) * inner for window in windows)


def _is_of(tensor: Tensor, model: Model, *, decoder: bool) -> bool:
    if not model.encoder_layers:
        return True
    if tensor.role == "head":
        return decoder
    return (tensor.side not in _ENCODER_SIDES and tensor.role != "conv") == decoder


def _cross_kv(model: Model) -> int:
    return sum(tensor.used for tensor in model.tensors if tensor.side == "cross" and tensor.role in {"k", "v"})


def _table_width(model: Model) -> int:
    return next((tensor.shape[1] for tensor in model.tensors if tensor.role == "embed"), model.width)
