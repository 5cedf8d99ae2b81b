"""What models of pictures learn from: labels, a convnet's answers through DeiT's token, a larger model's answers.

Teachers look at the same changed pictures as their students, at the time they do.

Sources: Touvron et al. 2021 (DeiT: the second token learns the label that the teacher names, half of the loss); Hinton
et al. 2015 (softened probabilities).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from penjing.train.batches import Indices
from penjing.train.device import Device
from penjing.train.distill import Distillation
from penjing.train.encoder import Part
from penjing.train.loop import Loss
from penjing.train.pictures import Pictures
from penjing.train.vision import VisionOutput

_BATCH = 256
Asked = Callable[[Tensor], VisionOutput]
"""A teacher: pixels in, answers out, without gradients."""


def picture_label_loss(output: VisionOutput, indices: Indices) -> Tensor:
    """Return the cross-entropy with the labels, the mean over the class tokens."""
    losses = [F.cross_entropy(answer.float(), output.targets) for answer in output.answers]
    return torch.stack(losses).mean()


def deit_loss(teacher: Asked) -> Loss:
    """Return DeiT's loss: the first token learns the labels, the second what `teacher` would say, half each."""

    def loss(output: VisionOutput, indices: Indices) -> Tensor:
        said = teacher(output.pixels).logits.argmax(-1)
        labels, taught = (answer.float() for answer in output.answers)
        return 0.5 * F.cross_entropy(labels, output.targets) + 0.5 * F.cross_entropy(taught, said)

    return loss


def student_loss(teacher: Asked, *, weights: Distillation, labels: float) -> Loss:
    """Return the loss of a smaller model: the teacher's probabilities and state, and the labels by the weight given."""

    def loss(output: VisionOutput, indices: Indices) -> Tensor:
        said = teacher(output.pixels)
        distance = F.normalize(output.pooled.float(), dim=-1) - F.normalize(said.pooled.float(), dim=-1)
        return _taught(output, said, weights, labels) + weights.hidden * distance.square().sum(-1).mean()

    return loss


def taught_loss(teacher: Asked, *, weights: Distillation, labels: float) -> Loss:
    """Return the loss of a model that is made otherwise than its teacher: as `student_loss`, without the state."""

    def loss(output: VisionOutput, indices: Indices) -> Tensor:
        return _taught(output, teacher(output.pixels), weights, labels)

    return loss


def _taught(output: VisionOutput, said: VisionOutput, weights: Distillation, labels: float) -> Tensor:
    found = F.log_softmax(output.logits.float() / weights.temperature, dim=-1)
    wanted = F.softmax(said.logits.float() / weights.temperature, dim=-1)
    soft = F.kl_div(found, wanted, reduction="batchmean") * weights.temperature**2
    return weights.probabilities * soft + labels * F.cross_entropy(output.logits.float(), output.targets)


def asked(model: nn.Module, *, device: Device) -> Asked:
    """Return `model` as a teacher."""
    model.to(device.name).eval()

    def answer(pixels: Tensor) -> VisionOutput:
        with torch.no_grad(), device.autocast():
            return cast(VisionOutput, model(pixels))

    return answer


def picture_logits(
    model: nn.Module, pictures: Pictures, *, device: Device, part: Part | None = None
) -> NDArray[np.float32]:
    """Return logits (pictures, labels) in float32, the model in evaluation mode."""
    model.to(device.name).eval()
    found = []
    with torch.inference_mode(), device.autocast():
        for start in range(0, len(pictures), _BATCH):
            pixels, targets = pictures.batch(np.arange(start, min(start + _BATCH, len(pictures))))
            found.append(model(pixels.to(device.name), targets.to(device.name), part).logits.float().cpu().numpy())
    return np.concatenate(found)
