"""Tiny encoders and data, made in the test."""

from __future__ import annotations

import numpy as np
import torch

from penjing.train.batches import Tokens, from_rows
from penjing.train.encoder import Encoder, EncoderShape


def tiny_encoder(*, layers: int = 3, ffn: int = 128, labels: int = 2, pooling: str = "mean") -> Encoder:
    torch.manual_seed(1)
    shape = EncoderShape(
        vocabulary=60, hidden=32, head_size=8, heads=(4,) * layers, ffn=(ffn,) * layers, positions=24,
        labels=labels, pooling=pooling, epsilon=1e-6,
    )  # fmt: skip
    return Encoder(shape).eval()


def separable(count: int = 200, *, seed: int = 0) -> tuple[Tokens, torch.Tensor]:
    """Texts whose label is whether piece 7 occurs."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 2, count)
    rows = []
    for label in truth:
        row = generator.integers(10, 60, generator.integers(3, 12)).astype(np.int32)
        if label:
            row[generator.integers(len(row))] = 7
        rows.append(row)
    return from_rows(rows, pad_id=0), torch.from_numpy(truth)
