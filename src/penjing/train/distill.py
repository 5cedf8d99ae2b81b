"""What a student learns from: the labels, the teacher's probabilities, and the teacher's last hidden state.

Sources: Hinton et al. 2015, "Distilling the Knowledge in a Neural Network" (softened probabilities); Sun et al.
2019, "Patient Knowledge Distillation" (the hidden state that the answer is read from).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from penjing.train.batches import Indices
from penjing.train.encoder import Output
from penjing.train.loop import Loss


def label_loss(truth: Tensor, *, multi_label: bool) -> Loss:
    """Return the loss of fine-tuning: cross-entropy (binary, a label at a time, where multi-label)."""

    def loss(output: Output, indices: Indices) -> Tensor:
        logits = output.logits.float()
        target = truth[indices].to(logits.device)
        if multi_label:
            return F.binary_cross_entropy_with_logits(logits, target.float())
        return F.cross_entropy(logits, target)

    return loss


@dataclass(frozen=True)
class Distillation:
    """The weights of the two parts of a student's loss, and the temperature of the first."""

    temperature: float = 2.0
    probabilities: float = 1.0
    hidden: float = 0.5


@dataclass(frozen=True)
class TeacherOutput:
    """What the teacher said of every text a student learns from; computed once."""

    logits: Tensor  # (texts, labels)
    pooled: Tensor  # (texts, hidden), float16


def distillation_loss(teacher: TeacherOutput, *, weights: Distillation, multi_label: bool) -> Loss:
    """Return the loss of a student of `teacher`: on its probabilities and on the state they are read from."""

    def loss(output: Output, indices: Indices) -> Tensor:
        logits = output.logits.float()
        soft = _soft_loss(logits, teacher.logits[indices].to(logits.device), weights, multi_label)
        wanted = F.normalize(teacher.pooled[indices].to(logits.device).float(), dim=-1)
        found = F.normalize(output.pooled.float(), dim=-1)
        distance = (found - wanted).square().sum(-1).mean()
        return weights.probabilities * soft + weights.hidden * distance

    return loss


def _soft_loss(logits: Tensor, target: Tensor, weights: Distillation, multi_label: bool) -> Tensor:
    temperature = weights.temperature
    if multi_label:
        return F.binary_cross_entropy_with_logits(logits / temperature, torch.sigmoid(target / temperature))
    found = F.log_softmax(logits / temperature, dim=-1)
    return F.kl_div(found, F.softmax(target / temperature, dim=-1), reduction="batchmean") * temperature**2
