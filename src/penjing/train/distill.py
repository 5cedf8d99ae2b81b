"""What a student learns from: the labels, the teacher's probabilities, and the teacher's hidden states.

Sources: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network" (softened probabilities);
Jiao et al. 2019, "TinyBERT" (hidden states of matched layers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from penjing.train.batches import Indices, Tokens
from penjing.train.device import Device
from penjing.train.encoder import Encoder, Output
from penjing.train.loop import Loss


def label_loss(truth: Tensor, *, multi_label: bool) -> Loss:
    """Return the loss of fine-tuning: cross-entropy (binary, a label at a time, where multi-label)."""

    def loss(output: Output, indices: Indices, mask: Tensor) -> Tensor:
        logits = output.logits.float()
        target = truth[indices].to(logits.device)
        if multi_label:
            return F.binary_cross_entropy_with_logits(logits, target.float())
        return F.cross_entropy(logits, target)

    return loss


@dataclass(frozen=True)
class Distillation:
    """The weights of the three parts of a student's loss, and the temperature of the second."""

    temperature: float = 2.0
    labels: float = 0.2
    probabilities: float = 0.8
    hidden: float = 1.0


def distillation_loss(
    teacher: Encoder,
    teacher_logits: Tensor,
    tokens: Tokens,
    *,
    supervised: Loss,
    matched: Sequence[int],
    weights: Distillation,
    device: Device,
    multi_label: bool,
) -> Loss:
    """Return the loss of a student of `teacher`.

    `teacher_logits` are cached, for the texts of `tokens`; `matched[i]` is the teacher's hidden state (0 is the
    embeddings') that the student's i-th hidden state should equal.
    """
    teacher.to(device.name).eval()

    def loss(output: Output, indices: Indices, mask: Tensor) -> Tensor:
        target = teacher_logits[indices].to(mask.device)
        total = weights.labels * supervised(output, indices, mask)
        total = total + weights.probabilities * _soft_loss(output.logits.float(), target, weights, multi_label)
        if weights.hidden > 0:
            total = total + weights.hidden * _hidden_loss(output, teacher, tokens, indices, mask, matched, device)
        return total

    return loss


def _soft_loss(logits: Tensor, target: Tensor, weights: Distillation, multi_label: bool) -> Tensor:
    temperature = weights.temperature
    if multi_label:
        return F.binary_cross_entropy_with_logits(logits / temperature, torch.sigmoid(target / temperature))
    found = F.log_softmax(logits / temperature, dim=-1)
    return F.kl_div(found, F.softmax(target / temperature, dim=-1), reduction="batchmean") * temperature**2


def _hidden_loss(
    output: Output,
    teacher: Encoder,
    tokens: Tokens,
    indices: Indices,
    mask: Tensor,
    matched: Sequence[int],
    device: Device,
) -> Tensor:
    ids, _ = tokens.batch(indices)
    with torch.no_grad(), device.autocast():
        wanted = cast(Output, teacher(ids.to(device.name), mask)).hidden
    weight = mask[:, :, None].float()
    count = weight.sum() * output.hidden[0].shape[-1]
    parts = [
        ((student.float() - wanted[match].float()).square() * weight).sum() / count
        for student, match in zip(output.hidden, matched, strict=True)
    ]
    return torch.stack(parts).mean()


def matched_layers(kept: Sequence[int], *, layers: int) -> tuple[int, ...]:
    """Return the teacher's hidden state for each hidden state of a student made of the blocks `kept`.

    A kept block stands for itself and the removed ones that followed it.

    >>> matched_layers((0, 2, 5), layers=6)
    (0, 2, 5, 6)
    """
    return (0, *(following for following in kept[1:]), layers)
