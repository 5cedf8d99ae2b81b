"""Logits of an encoder for many texts, without gradients."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from penjing.train.batches import Tokens, sorted_batches
from penjing.train.device import Device
from penjing.train.encoder import Encoder

_BATCH = 64


def logits_of(model: Encoder, tokens: Tokens, *, device: Device) -> NDArray[np.float32]:
    """Return logits (texts, labels) in float32, the model in evaluation mode."""
    model.to(device.name).eval()
    result = np.zeros((len(tokens), model.shape.labels), np.float32)
    with torch.inference_mode(), device.autocast():
        for indices in sorted_batches(tokens.lengths, size=_BATCH):
            ids, mask = (tensor.to(device.name) for tensor in tokens.batch(indices))
            result[indices] = model(ids, mask).logits.float().cpu().numpy()
    return result
