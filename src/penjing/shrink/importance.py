"""How much each attention head, feed-forward neuron and block matters to the answers.

Heads and neurons: the first-order estimate of the loss without them, |dL/dgate| of a gate at 1 on their output,
summed over batches (Michel et al. 2019, "Are Sixteen Heads Really Better than One?"; Molchanov et al. 2019).
The gate's gradient is the sum over a unit's outgoing weights of weight x gradient, so no gate is needed.
Blocks: the divergence of the answers when the block is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from penjing.train.batches import Indices, Tokens, sorted_batches
from penjing.train.device import Device
from penjing.train.encoder import Block, Encoder, Output

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Importance:
    """One score for each head and each neuron of every block; higher matters more."""

    heads: tuple[Scores, ...]
    ffn: tuple[Scores, ...]


def unit_importance(
    model: Encoder, tokens: Tokens, *, loss: Callable[[Output, Indices], Tensor], device: Device, batch_size: int = 16
) -> Importance:
    """Return the importance of every head and neuron of `model` on the texts `tokens`."""
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
            heads[layer] += np.abs(_gate_gradient(block.attention_out).reshape(block.heads, -1).sum(1))
            ffn[layer] += np.abs(_gate_gradient(block.ffn_out))
    model.zero_grad(set_to_none=True)
    return Importance(tuple(heads), tuple(ffn))


def _gate_gradient(outgoing: nn.Linear) -> NDArray[np.float64]:
    """Return dL/dgate for a gate on each input of `outgoing`."""
    assert outgoing.weight.grad is not None
    return (outgoing.weight.detach() * outgoing.weight.grad).sum(0).double().cpu().numpy()


def least_needed_blocks(model: Encoder, tokens: Tokens, *, device: Device) -> tuple[int, ...]:
    """Return block numbers in the order in which they can go, greedily: each removal changes the answers least."""
    kept = list(range(model.shape.layers))
    target = _log_probabilities(model, kept, tokens, device=device)
    removed: list[int] = []
    while len(kept) > 1:
        divergences = []
        for block in kept:
            others = [other for other in kept if other != block]
            divergences.append(_divergence(_log_probabilities(model, others, tokens, device=device), target))
        removed.append(kept.pop(int(np.argmin(divergences))))
    return tuple(removed)


def _log_probabilities(model: Encoder, kept: Sequence[int], tokens: Tokens, *, device: Device) -> Tensor:
    blocks = model.blocks
    model.to(device.name).eval()
    model.blocks = nn.ModuleList(blocks[index] for index in kept)
    result = torch.zeros(len(tokens), model.shape.labels)
    try:
        with torch.inference_mode(), device.autocast():
            for indices in sorted_batches(tokens.lengths, size=64):
                ids, mask = (tensor.to(device.name) for tensor in tokens.batch(indices))
                result[torch.from_numpy(indices)] = model(ids, mask).logits.float().cpu()
    finally:
        model.blocks = blocks
    return F.log_softmax(result, dim=-1)


def _divergence(found: Tensor, target: Tensor) -> float:
    return float(F.kl_div(found, target, log_target=True, reduction="batchmean"))
