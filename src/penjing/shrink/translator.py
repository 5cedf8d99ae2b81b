"""A smaller translator cut out of a larger one: fewer blocks that read and write, fewer feed-forward neurons.

What is left is no model to use yet: it has to learn again. Blocks go one at a time, each the one that the pairs need
least, as measured; neurons by the first-order estimate of shrink/importance. Sources: Shleifer and Rush 2020,
"Pre-trained Summarization Distillation" (shrink and fine-tune); Molchanov et al. 2019, "Importance Estimation for
Neural Network Pruning".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from penjing.shape import Shape
from penjing.shrink.importance import gate_gradient
from penjing.train.batches import sorted_batches
from penjing.train.device import Device
from penjing.train.seq2seq import PairModel, PairRows, dev_nats, loss_of

Side = Literal["encoder", "decoder"]
SIDES: tuple[Side, Side] = ("encoder", "decoder")
_BATCH = 32


def can_cut(whole: Shape, wanted: Shape) -> bool:
    """Return whether a model of one size holds one of the other: as wide, and no larger elsewhere."""
    return (
        whole.width == wanted.width
        and whole.encoder >= wanted.encoder
        and whole.decoder >= wanted.decoder
        and whole.neurons >= wanted.neurons
    )


def cut(
    model: Any,
    wanted: Shape,
    rows: PairRows,
    *,
    device: Device,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> None:
    """Leave `model`, a transformers checkpoint, with the blocks and neurons that `rows` need most.

    `rows` are a few hundred of the pairs that what is left will learn.

    >>> can_cut(Shape(width=256, encoder=6, decoder=3), Shape(width=256, encoder=4, decoder=1, ffn=256))
    True
    """
    model.to(device.name)
    counts = dict(zip(SIDES, (wanted.encoder, wanted.decoder), strict=True))
    total = sum(sum(range(counts[side] + 1, len(_blocks(model, side)) + 1)) for side in SIDES)
    done = 0
    for side in SIDES:
        while (left := len(_blocks(model, side))) > counts[side]:
            keep_blocks(model, side, _without_least(model, side, rows, device))
            done += left
            progress(done, total)
    scores = neuron_importance(model, rows, device=device)
    for side in SIDES:
        keep_neurons(model, side, [_best(found, wanted.neurons) for found in scores[side]])


def keep_blocks(model: Any, side: Side, kept: Sequence[int]) -> None:
    """Leave one side of `model` with these blocks, in this order."""
    blocks = _blocks(model, side)
    _set_blocks(model, side, [blocks[place] for place in kept])
    setattr(model.config, f"{side}_layers", len(kept))
    if side == "encoder":
        model.config.num_hidden_layers = len(kept)


def keep_neurons(model: Any, side: Side, kept: Sequence[Sequence[int]]) -> None:
    """Leave each block of one side with these of its feed-forward neurons, as many in every block."""
    for block, places in zip(_blocks(model, side), kept, strict=True):
        rows = torch.tensor(list(places))
        block.fc1 = _linear(block.fc1.weight[rows], block.fc1.bias[rows])
        block.fc2 = _linear(block.fc2.weight[:, rows], block.fc2.bias)
    setattr(model.config, f"{side}_ffn_dim", len(kept[0]))


def neuron_importance(model: Any, rows: PairRows, *, device: Device) -> dict[Side, list[NDArray[np.float64]]]:
    """Return for each block of both sides how much the pairs need each of its feed-forward neurons."""
    learner = PairModel(model, rows).eval()
    found: dict[Side, list[NDArray[np.float64]]] = {
        side: [np.zeros(block.fc2.in_features) for block in _blocks(model, side)] for side in SIDES
    }
    for indices in sorted_batches(rows.tokens.lengths, size=_BATCH):
        ids, mask = (tensor.to(device.name) for tensor in rows.tokens.batch(indices))
        model.zero_grad(set_to_none=True)
        with device.autocast():
            output = learner(ids, mask)
        loss_of(output, indices).backward()  # type: ignore[no-untyped-call]
        for side in SIDES:
            for scores, block in zip(found[side], _blocks(model, side), strict=True):
                np.add(scores, np.abs(gate_gradient(block.fc2)), out=scores)
    model.zero_grad(set_to_none=True)
    return found


def _without_least(model: Any, side: Side, rows: PairRows, device: Device) -> list[int]:
    """Return the places of all blocks of a side but the one without which the pairs are the most probable."""
    whole = _blocks(model, side)
    choices = [[place for place in range(len(whole)) if place != left_out] for left_out in range(len(whole))]
    nats = []
    for choice in choices:
        _set_blocks(model, side, [whole[place] for place in choice])
        nats.append(dev_nats(PairModel(model, rows), rows, device=device))
    _set_blocks(model, side, whole)
    return choices[int(np.argmin(nats))]


def _blocks(model: Any, side: Side) -> list[Any]:
    return list(getattr(model.model, side).layers)


def _set_blocks(model: Any, side: Side, blocks: Sequence[nn.Module]) -> None:
    getattr(model.model, side).layers = nn.ModuleList(blocks)


def _best(scores: NDArray[np.float64], count: int) -> list[int]:
    places: list[int] = np.sort(np.argsort(-scores, kind="stable")[:count]).tolist()
    return places


def _linear(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    made = nn.Linear(weight.shape[1], weight.shape[0], device="meta")
    made.weight, made.bias = (nn.Parameter(value.detach().clone()) for value in (weight, bias))
    return made
