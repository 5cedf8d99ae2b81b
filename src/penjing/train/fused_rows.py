"""Rows with several inputs to learn from: some are left out, pictures and sounds changed, each time they are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from penjing.engines.mixed import PRESENT, MixedEncoder
from penjing.engines.mixed_inputs import Mixed, array_name
from penjing.recipe import Augmentation
from penjing.train.batches import Indices
from penjing.train.device import Device
from penjing.train.fused import FusedBatch, FusedModel
from penjing.train.pictures import changed_pixels

LEFT_OUT = 0.2  # of the inputs that are there
_BATCH = 256


@dataclass(frozen=True)
class Rows:
    """Rows with the place of each one's label."""

    encoder: MixedEncoder
    rows: Sequence[Mixed]
    truth: NDArray[np.int64]
    labels: int
    changes: Mapping[str, Augmentation]
    """How pictures and sounds are changed, by the input's name; nothing is left out where there are none."""
    left_out: float = 0.0

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> Indices:
        """One for each row."""
        return np.ones(len(self), np.int64)

    def take(self, indices: Indices) -> Rows:
        """Return the rows with these indices, which stay as they are."""
        rows = [self.rows[index] for index in indices]
        return replace(self, rows=rows, truth=self.truth[indices], changes={}, left_out=0.0)

    def batch(self, indices: Indices) -> tuple[FusedBatch, Tensor]:
        """Return the rows, and the shares of the labels (batch, labels)."""
        found = self.encoder.encode([self.rows[index] for index in indices])
        values = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in found.items()}
        present = values.pop(PRESENT)
        for place, one in enumerate(self.encoder.inputs):
            if one.name in self.changes:
                values[array_name(place)] = changed_pixels(values[array_name(place)], self.changes[one.name])
        if self.left_out:
            present = _left_out(present, self.left_out)
        targets = F.one_hot(torch.from_numpy(self.truth[indices]), self.labels).float()
        return FusedBatch(values, present), targets


def _left_out(present: Tensor, share: float) -> Tensor:
    """Return what is still there: each input goes by chance, but the last one of a row stays."""
    luck = torch.rand_like(present) * present
    kept = present * (luck > share)
    best = F.one_hot(luck.argmax(1), present.shape[1]).to(present.dtype) * present
    return torch.maximum(kept, best)


def fused_logits(model: FusedModel, rows: Rows, *, device: Device) -> NDArray[np.float32]:
    """Return logits (rows, labels) in float32, the model in evaluation mode."""
    model.to(device.name).eval()
    found = []
    with torch.inference_mode(), device.autocast():
        for start in range(0, len(rows), _BATCH):
            batch, targets = rows.batch(np.arange(start, min(start + _BATCH, len(rows))))
            found.append(model(batch.to(device.name), targets.to(device.name)).logits.float().cpu().numpy())
    return np.concatenate(found)
