"""What a teacher says of every piece of a translation, beside which piece is right.

Source: Kim and Rush 2016, "Sequence-Level Knowledge Distillation" (their word-level distillation); Hinton et al. 2015,
"Distilling the Knowledge in a Neural Network".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from penjing.train.batches import Indices
from penjing.train.device import Device
from penjing.train.seq2seq import LABEL_SMOOTHING, PairModel, PairRows

_TEACHER_SHARE = 0.75  # of the loss


@dataclass(frozen=True)
class PieceLesson:
    """The loss of a student of `teacher`, a model with the same pieces, on the rows that it learns.

    Three quarters of it are the cross-entropy with what the teacher thinks probable, the rest the smoothed one with
    the pieces that are right.
    """

    teacher: PairModel
    rows: PairRows
    device: Device

    def __call__(self, output: tuple[Tensor, Tensor], indices: Indices) -> Tensor:
        """Return the loss of the student's logits (scored pieces, pieces) for the rows with these indices."""
        ids, mask = (tensor.to(self.device.name) for tensor in self.rows.tokens.batch(indices))
        logits, right = output
        with torch.no_grad():
            with self.device.autocast():
                told, _ = self.teacher(ids, mask)
            wanted = told.float().softmax(dim=-1).mul_(_TEACHER_SHARE)
            wanted += (1 - _TEACHER_SHARE) * LABEL_SMOOTHING / wanted.shape[-1]
            wanted[torch.arange(len(right), device=right.device), right] += (1 - _TEACHER_SHARE) * (1 - LABEL_SMOOTHING)
        return functional.cross_entropy(logits.float(), wanted)


def piece_lesson(teacher: Any, rows: PairRows, *, device: Device) -> PieceLesson:
    """Return the lesson of a checkpoint, which itself learns no more."""
    model = PairModel(teacher.to(device.name), rows).eval().requires_grad_(requires_grad=False)
    return PieceLesson(model, rows, device)
