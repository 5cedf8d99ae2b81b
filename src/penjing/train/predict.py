"""Logits of an encoder for many texts, without gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from penjing.train.batches import Tokens, sorted_batches
from penjing.train.device import Device
from penjing.train.distill import TeacherOutput
from penjing.train.encoder import Encoder, Part

_BATCH = 64


def logits_of(model: Encoder, tokens: Tokens, *, device: Device, part: Part | None = None) -> NDArray[np.float32]:
    """Return logits (texts, labels) in float32 of `part` or the whole, the model in evaluation mode."""
    return answers_of(model, tokens, device=device, part=part).logits.numpy()


def answers_of(
    model: Encoder,
    tokens: Tokens,
    *,
    device: Device,
    part: Part | None = None,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> TeacherOutput:
    """Return logits in float32 and pooled states in float16, the model in evaluation mode."""
    model.to(device.name).eval()
    logits = torch.zeros(len(tokens), model.shape.labels)
    pooled = torch.zeros(len(tokens), model.shape.hidden, dtype=torch.float16)
    done = 0
    with torch.inference_mode(), device.autocast():
        for indices in sorted_batches(tokens.lengths, size=_BATCH):
            ids, mask = (tensor.to(device.name) for tensor in tokens.batch(indices))
            output = model(ids, mask, part)
            rows = torch.from_numpy(indices)
            logits[rows] = output.logits.float().cpu()
            pooled[rows] = output.pooled.half().cpu()
            done += len(indices)
            progress(done, len(tokens))
    return TeacherOutput(logits, pooled)
