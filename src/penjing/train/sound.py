"""The encoder of Whisper as a classifier of spectrograms, whose layers may differ in width.

It computes what transformers' WhisperEncoder computes (proved by a parity test), on as many moments as are asked for
instead of thirty seconds, and answers by a weighted mean of what the last block gives: moments of silence say little.
Its two convolutions over time are linear layers on neighbouring moments. Pixels come in uint8: scaling them is part of
the model.

Sources: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision" (Whisper); Gong et al. 2021,
"AST: Audio Spectrogram Transformer" (a Transformer that labels spectrograms).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from penjing.train.encoder import Part
from penjing.train.vision import VisionBlock, VisionOutput


@dataclass(frozen=True, slots=True)
class SoundShape:
    """The sizes of an encoder of spectrograms; `heads` and `ffn` hold one number a layer."""

    bands: int
    moments: int
    hidden: int
    head_size: int
    heads: tuple[int, ...]
    ffn: tuple[int, ...]
    labels: int
    mean: tuple[float, ...] = (127.5,)
    """Of a pixel (0 to 255): what is taken off it."""
    deviation: tuple[float, ...] = (127.5,)
    """What it is divided by then."""
    epsilon: float = 1e-5

    @property
    def layers(self) -> int:
        """The number of blocks."""
        return len(self.heads)

    @property
    def length(self) -> int:
        """Places in what goes from block to block: one for two moments."""
        return -(-self.moments // 2)

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> SoundShape:
        """Return the shape that `to_json` wrote."""
        return cls(**{**values, **{name: tuple(values[name]) for name in ("heads", "ffn", "mean", "deviation")}})


class SoundTransformer(nn.Module):
    """Whisper's encoder with a linear head on a weighted mean over time.

    >>> shape = SoundShape(bands=8, moments=10, hidden=8, head_size=4, heads=(2,), ffn=(16,), labels=3)
    >>> SoundTransformer(shape)(torch.zeros(2, 8, 10, 1, dtype=torch.uint8)).logits.shape
    torch.Size([2, 3])
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, shape: SoundShape, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("mean", torch.tensor(shape.mean))
        self.register_buffer("deviation", torch.tensor(shape.deviation))
        self.stem = nn.ModuleList(nn.Linear(3 * width, shape.hidden) for width in (shape.bands, shape.hidden))
        self.positions = nn.Parameter(torch.zeros(shape.length, shape.hidden))
        self.blocks = nn.ModuleList(VisionBlock(shape, layer, dropout=dropout) for layer in range(shape.layers))
        self.norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.listen = nn.Linear(shape.hidden, 1)
        self.head = nn.Linear(shape.hidden, shape.labels)

    def forward(self, pixels: Tensor, targets: Tensor | None = None, part: Part | None = None) -> VisionOutput:
        """Return answers to `pixels`, (batch, bands, moments, 1) of 0 to 255, by `part` or by the whole model."""
        x = self.embed(pixels)
        heads, ffn = (part.heads, part.ffn) if part else (None, None)
        for index in part.blocks if part else range(self.shape.layers):
            x = self.blocks[index](x, heads=heads, ffn=ffn)
        pooled = self.pool(x)
        logits = self.head(pooled)
        return VisionOutput(logits, pooled, (logits,), pixels, logits if targets is None else targets)

    def embed(self, pixels: Tensor) -> Tensor:
        """Return what the first block reads: (batch, length, hidden)."""
        x = (pixels[..., 0].to(self.positions.dtype).transpose(1, 2) - self.mean) / self.deviation
        for step, layer in enumerate(self.stem, start=1):
            x = F.gelu(layer(_neighbours(x, step=step)))
        return x + self.positions

    def run_block(self, index: int, x: Tensor, targets: Tensor | None = None) -> Tensor:
        """Return what block `index` makes of `x`."""
        return cast(Tensor, self.blocks[index](x))

    def answer(self, x: Tensor, targets: Tensor | None = None) -> Tensor:
        """Return logits for what the last block gave."""
        return cast(Tensor, self.head(self.pool(x)))

    def pool(self, x: Tensor) -> Tensor:
        """Return what the head reads, (batch, hidden): the mean over time, by how much each moment is listened to."""
        said = self.norm(x)
        weights = self.listen(said).float().softmax(1).to(said.dtype)
        return cast(Tensor, (said * weights).sum(1))

    def set_dropout(self, share: float) -> None:
        """Set the share of activations that training leaves out."""
        for block in self.blocks:
            cast(VisionBlock, block).dropout = share

    def parameter_count(self) -> int:
        """Return the number of weights."""
        return sum(parameter.numel() for parameter in self.parameters())


def _neighbours(x: Tensor, *, step: int) -> Tensor:
    """Return each moment (or each second one) beside the two around it: (batch, moments, 3 * width).

    Before the first and after the last are zeros.
    """
    padded, count = F.pad(x, (0, 0, 1, 1)), x.shape[1]
    return torch.cat([padded[:, place : count + place : step] for place in range(3)], dim=-1)
