"""Smaller encoders cut out of a larger one: fewer blocks, fewer heads and neurons, fewer or narrower embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from penjing.shrink.importance import Importance, Scores
from penjing.train.encoder import Block, Encoder, Part
from penjing.train.sound import SoundTransformer
from penjing.train.vision import VisionTransformer

Cut = TypeVar("Cut", Encoder, VisionTransformer, SoundTransformer)
"""A model of blocks whose heads and neurons are counted by layer."""

_FFN_MULTIPLE = 64  # widths at which integer matrix kernels run full vectors


def keep_pieces(model: Encoder, kept: Sequence[int]) -> Encoder:
    """Return a copy of `model` with only these rows of the word embeddings, in this order."""
    rows = model.words.weight.detach()[torch.as_tensor(list(kept))]
    state = {**model.state_dict(), "words.weight": rows}
    pad_id = place_of(model.shape.pad_id, kept)
    return _build(type(model), replace(model.shape, vocabulary=len(kept), pad_id=pad_id), state)


def place_of(piece: int, kept: Sequence[int]) -> int:
    """Return the new id of `piece`; 0 where it is not kept, which serves for padding: it is masked."""
    return list(kept).index(piece) if piece in kept else 0


def put_pieces_back(trained: Encoder, kept: Sequence[int], *, original: Encoder) -> Encoder:
    """Return `trained` with the full vocabulary of `original`: its own rows for `kept`, the original ones elsewhere.

    Rows of pieces that no training text contains get no gradient: where `kept` holds every piece of the training
    texts, this is the model that training with the full vocabulary gives, at a fraction of the time.
    """
    words = original.words.weight.detach().clone()
    words[torch.as_tensor(list(kept))] = trained.words.weight.detach()
    state = {**trained.state_dict(), "words.weight": words}
    shape = replace(trained.shape, vocabulary=original.shape.vocabulary, pad_id=original.shape.pad_id)
    return _build(Encoder, shape, state)


def keep_positions(model: Encoder, count: int) -> Encoder:
    """Return a copy of `model` for texts of at most `count` pieces: later positions would never be read."""
    kept = min(count, model.shape.positions)
    state = {**model.state_dict(), "positions.weight": model.positions.weight.detach()[:kept]}
    return _build(type(model), replace(model.shape, positions=kept), state)


def keep_blocks(model: Cut, kept: Sequence[int]) -> Cut:
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
    return _build(type(model), shape, state)


def sort_units(model: Cut, importance: Importance) -> Cut:
    """Return `model` with the heads and neurons of each block in order of importance: any first few are the best few.

    Its answers stay the same.
    """
    state = dict(model.state_dict())
    for layer, module in enumerate(model.blocks):
        heads, ffn = (_ranked(scores) for scores in (importance.heads[layer], importance.ffn[layer]))
        state |= _narrowed_attention(state, layer, cast(Block, module), heads) | _narrowed_ffn(state, layer, ffn)
    return _build(type(model), model.shape, state)


def extract(model: Cut, part: Part) -> Cut:
    """Return `part` of `model` as an encoder of its own, which answers as `model` does for that part."""
    smaller = keep_blocks(model, part.blocks)
    heads, ffn = torch.arange(part.heads), torch.arange(part.ffn)
    state = dict(smaller.state_dict())
    for layer, module in enumerate(smaller.blocks):
        state |= _narrowed_attention(state, layer, cast(Block, module), heads) | _narrowed_ffn(state, layer, ffn)
    count = len(part.blocks)
    return _build(type(model), replace(smaller.shape, heads=(part.heads,) * count, ffn=(part.ffn,) * count), state)


def factor_words(model: Encoder, rank: int, *, counts: Sequence[int]) -> Encoder:
    """Return a copy of `model` whose word embeddings are `rank` wide, with a matrix that widens them.

    Of all such pairs it is the one with the least squared error, where a row counts as often as its piece
    (`counts`, plus one) occurs. Source: Eckart and Young 1936, "The approximation of one matrix by another of
    lower rank", with rows weighted.
    """
    words = model.words.weight.detach()
    weight = (torch.as_tensor(list(counts), dtype=words.dtype, device=words.device) + 1).sqrt()[:, None]
    _, _, directions = torch.linalg.svd(words * weight, full_matrices=False)
    kept = directions[:rank]  # (rank, hidden), orthonormal rows
    state = {**model.state_dict(), "words.weight": words @ kept.T, "widen.weight": kept.T}
    return _build(type(model), replace(model.shape, rank=rank), state)


def narrow(model: Cut, importance: Importance, *, heads: float, ffn: float) -> Cut:
    """Return a copy of `model` with these shares of the heads and neurons of each block, the most important ones."""
    state = dict(model.state_dict())
    kept_heads, kept_ffn = [], []
    for layer, module in enumerate(model.blocks):
        block = cast(Block, module)
        chosen = _best(importance.heads[layer], max(1, round(heads * block.heads)))
        units = _best(importance.ffn[layer], ffn_width(ffn, block.ffn_in.out_features))
        state |= _narrowed_attention(state, layer, block, chosen) | _narrowed_ffn(state, layer, units)
        kept_heads.append(len(chosen))
        kept_ffn.append(len(units))
    return _build(type(model), replace(model.shape, heads=tuple(kept_heads), ffn=tuple(kept_ffn)), state)


def ffn_width(share: float, full: int) -> int:
    """Return how many of `full` neurons a share is: a multiple of 64, where there are so many."""
    wanted = max(1, round(share * full / _FFN_MULTIPLE)) * _FFN_MULTIPLE
    return min(full, wanted)


def _ranked(scores: Scores) -> Tensor:
    return torch.as_tensor(scores.argsort(kind="stable")[::-1].copy())


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


def _build(kind: type[Cut], shape: Any, state: dict[str, Tensor]) -> Cut:
    with torch.device("meta"):  # no time spent on weights that are replaced at once
        model = kind(shape)
    model.load_state_dict({name: value.detach().clone() for name, value in state.items()}, assign=True)
    return model.eval()
