"""Smaller encoders cut out of a larger one: fewer blocks, fewer heads and neurons in each, fewer pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor

from penjing.shrink.importance import Importance, Scores
from penjing.train.encoder import Block, Encoder, EncoderShape

_FFN_MULTIPLE = 64  # widths at which integer matrix kernels run full vectors


def keep_pieces(model: Encoder, kept: Sequence[int]) -> Encoder:
    """Return a copy of `model` with only these rows of the word embeddings, in this order."""
    rows = model.words.weight.detach()[torch.as_tensor(list(kept))]
    state = {**model.state_dict(), "words.weight": rows}
    return _build(replace(model.shape, vocabulary=len(kept)), state)


def put_pieces_back(trained: Encoder, kept: Sequence[int], *, original: Encoder) -> Encoder:
    """Return `trained` with the full vocabulary of `original`: its own rows for `kept`, the original ones elsewhere.

    Rows of pieces that no training text contains get no gradient: where `kept` holds every piece of the training
    texts, this is the model that training with the full vocabulary gives, at a fraction of the time.
    """
    words = original.words.weight.detach().clone()
    words[torch.as_tensor(list(kept))] = trained.words.weight.detach()
    state = {**trained.state_dict(), "words.weight": words}
    return _build(replace(trained.shape, vocabulary=original.shape.vocabulary), state)


def keep_positions(model: Encoder, count: int) -> Encoder:
    """Return a copy of `model` for texts of at most `count` pieces: later positions would never be read."""
    kept = min(count, model.shape.positions)
    state = {**model.state_dict(), "positions.weight": model.positions.weight.detach()[:kept]}
    return _build(replace(model.shape, positions=kept), state)


def keep_blocks(model: Encoder, kept: Sequence[int]) -> Encoder:
    """Return a copy of `model` with only these blocks, in this order."""
    shape = replace(
        model.shape,
        heads=tuple(model.shape.heads[index] for index in kept),
        ffn=tuple(model.shape.ffn[index] for index in kept),
    )
    state = {name: value for name, value in model.state_dict().items() if not name.startswith("blocks.")}
    for new, old in enumerate(kept):
        prefix = f"blocks.{old}."
        for name, value in model.state_dict().items():
            if name.startswith(prefix):
                state[f"blocks.{new}.{name.removeprefix(prefix)}"] = value
    return _build(shape, state)


def narrow(model: Encoder, importance: Importance, *, heads: float, ffn: float) -> Encoder:
    """Return a copy of `model` with these shares of the heads and neurons of each block, the most important ones."""
    state = dict(model.state_dict())
    kept_heads, kept_ffn = [], []
    for layer, module in enumerate(model.blocks):
        block = cast(Block, module)
        chosen = _best(importance.heads[layer], max(1, round(heads * block.heads)))
        units = _best(importance.ffn[layer], _ffn_width(ffn, block.ffn_in.out_features))
        state |= _narrowed_attention(state, layer, block, chosen) | _narrowed_ffn(state, layer, units)
        kept_heads.append(len(chosen))
        kept_ffn.append(len(units))
    return _build(replace(model.shape, heads=tuple(kept_heads), ffn=tuple(kept_ffn)), state)


def _ffn_width(share: float, full: int) -> int:
    wanted = max(1, round(share * full / _FFN_MULTIPLE)) * _FFN_MULTIPLE
    return min(full, wanted)


def _best(scores: Scores, count: int) -> Tensor:
    return torch.as_tensor(sorted(scores.argsort()[::-1][:count].tolist()))


def _narrowed_attention(state: dict[str, Tensor], layer: int, block: Block, heads: Tensor) -> dict[str, Tensor]:
    name, size = f"blocks.{layer}", block.head_size
    rows = (heads[:, None] * size + torch.arange(size)).flatten()
    inner = block.heads * size
    three = torch.cat([rows, rows + inner, rows + 2 * inner])
    return {
        f"{name}.qkv.weight": state[f"{name}.qkv.weight"][three],
        f"{name}.qkv.bias": state[f"{name}.qkv.bias"][three],
        f"{name}.attention_out.weight": state[f"{name}.attention_out.weight"][:, rows],
    }


def _narrowed_ffn(state: dict[str, Tensor], layer: int, units: Tensor) -> dict[str, Tensor]:
    name = f"blocks.{layer}"
    return {
        f"{name}.ffn_in.weight": state[f"{name}.ffn_in.weight"][units],
        f"{name}.ffn_in.bias": state[f"{name}.ffn_in.bias"][units],
        f"{name}.ffn_out.weight": state[f"{name}.ffn_out.weight"][:, units],
    }


def _build(shape: EncoderShape, state: dict[str, Tensor]) -> Encoder:
    with torch.device("meta"):  # no time spent on weights that are replaced at once
        model = Encoder(shape)
    model.load_state_dict({name: value.detach().clone() for name, value in state.items()}, assign=True)
    return model.eval()
