"""How much each attention head, feed-forward neuron and block matters to the answers.

Heads and neurons: the first-order estimate of the loss without them, |dL/dgate| of a gate at 1 on their output,
summed over batches (Michel et al. 2019, "Are Sixteen Heads Really Better than One?"; Molchanov et al. 2019).
The gate's gradient is the sum over a unit's outgoing weights of weight x gradient, so no gate is needed.
Blocks: the divergence of the answers when the block is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from penjing.train.batches import Examples, sorted_batches
from penjing.train.device import Device
from penjing.train.encoder import Block, Encoder
from penjing.train.loop import Loss
from penjing.train.sound import SoundTransformer
from penjing.train.vision import VisionTransformer

Model = Encoder | VisionTransformer | SoundTransformer
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Importance:
    """One score for each head and each neuron of every block; higher matters more."""

    heads: tuple[Scores, ...]
    ffn: tuple[Scores, ...]


def unit_importance(
    model: Model,
    tokens: Examples,
    *,
    loss: Loss,
    device: Device,
    batch_size: int = 16,
) -> Importance:
    """Return the importance of every head and neuron of `model` on the examples `tokens`."""
    model.to(device.name).eval()
    blocks = [cast(Block, block) for block in model.blocks]
    heads = [np.zeros(block.heads) for block in blocks]
    ffn = [np.zeros(block.ffn_in.out_features) for block in blocks]
    for indices in sorted_batches(tokens.lengths, size=batch_size):
        ids, mask = (tensor.to(device.name) for tensor in tokens.batch(indices))
        model.zero_grad(set_to_none=True)
        with device.autocast():
            output = model(ids, mask)
        loss(output, indices).backward()  # type: ignore[no-untyped-call]
        for layer, block in enumerate(blocks):
            heads[layer] += np.abs(gate_gradient(block.attention_out).reshape(block.heads, -1).sum(1))
            ffn[layer] += np.abs(gate_gradient(block.ffn_out))
    model.zero_grad(set_to_none=True)
    return Importance(tuple(heads), tuple(ffn))


def gate_gradient(outgoing: nn.Linear) -> NDArray[np.float64]:
    """Return dL/dgate for a gate on each input of `outgoing`."""
    assert outgoing.weight.grad is not None
    return (outgoing.weight.detach() * outgoing.weight.grad).sum(0).double().cpu().numpy()


def least_needed_blocks(model: Model, tokens: Examples, *, count: int, device: Device) -> tuple[int, ...]:
    """Return `count` block numbers in the order in which they can go, greedily: each changes the answers least."""
    model.to(device.name).eval()
    kept, removed = list(range(model.shape.layers)), list[int]()
    ids, mask = (tensor.to(device.name) for tensor in tokens.batch(np.arange(len(tokens))))
    with torch.inference_mode(), device.autocast():
        target = _log_probabilities(model, _states(model, kept, ids, mask)[-1], [], mask)
        while len(removed) < count and len(kept) > 1:
            states = _states(model, kept, ids, mask)
            divergences = [
                _divergence(_log_probabilities(model, states[place], kept[place + 1 :], mask), target)
                for place in range(len(kept))
            ]
            removed.append(kept.pop(int(np.argmin(divergences))))
    return tuple(removed)


def _states(model: Model, blocks: Sequence[int], ids: Tensor, mask: Tensor) -> list[Tensor]:
    """Return what each of `blocks` reads, and what the last one gives."""
    states = [model.embed(ids)]
    for block in blocks:
        states.append(model.run_block(block, states[-1], mask))
    return states


def _log_probabilities(model: Model, state: Tensor, blocks: Sequence[int], mask: Tensor) -> Tensor:
    """Return the answers where `state` goes through `blocks` and the head."""
    for block in blocks:
        state = model.run_block(block, state, mask)
    return F.log_softmax(model.answer(state, mask).float(), dim=-1)


def _divergence(found: Tensor, target: Tensor) -> float:
    return float(F.kl_div(found, target, log_target=True, reduction="batchmean"))
