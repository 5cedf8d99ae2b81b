"""A Vision Transformer whose layers may differ in width, with DeiT's second token where it has one.

It computes what transformers' ViT and DeiT classifiers compute (proved by parity tests). Pixels come in uint8: scaling
them is part of the model. Class tokens hold their positions already.

Sources: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words" (ViT); Touvron et al. 2021, "Training data-efficient
image transformers & distillation through attention" (DeiT: the distillation token, whose answers are averaged with
those of the class token); Vaswani et al. 2017 (the waves that positions begin with).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from penjing.train.encoder import Block, Part


@dataclass(frozen=True, slots=True)
class VisionShape:
    """The sizes of a Vision Transformer; `heads` and `ffn` hold one number a layer."""

    image: int
    """Pixels a side."""
    patch: int
    hidden: int
    head_size: int
    heads: tuple[int, ...]
    ffn: tuple[int, ...]
    labels: int
    mean: tuple[float, ...] = (127.5, 127.5, 127.5)
    """Of a pixel (0 to 255), by channel: what is taken off it."""
    deviation: tuple[float, ...] = (127.5, 127.5, 127.5)
    """What it is divided by then."""
    tokens: int = 1
    """Class tokens: 2 where the second learns from a teacher's answers."""
    epsilon: float = 1e-6

    @property
    def layers(self) -> int:
        """The number of blocks."""
        return len(self.heads)

    @property
    def channels(self) -> int:
        """Values a pixel."""
        return len(self.mean)

    @property
    def side(self) -> int:
        """Patches a side."""
        return self.image // self.patch

    @property
    def patch_values(self) -> int:
        """The values of one patch."""
        return self.patch * self.patch * self.channels

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> VisionShape:
        """Return the shape that `to_json` wrote."""
        return cls(**{**values, **{name: tuple(values[name]) for name in ("heads", "ffn", "mean", "deviation")}})


class VisionOutput(NamedTuple):
    """What a model of pictures returns."""

    logits: Tensor  # (batch, labels): the mean of both tokens' answers where there are two
    pooled: Tensor  # (batch, hidden): the class token
    answers: tuple[Tensor, ...]  # of each class token
    pixels: Tensor  # what it looked at
    targets: Tensor  # (batch, labels): what it was to say, as shares


class VisionBlock(Block):
    """Self-attention and feed-forward, each after layer normalization and followed by residual addition."""

    def forward(
        self, x: Tensor, mask: Tensor | None = None, *, heads: int | None = None, ffn: int | None = None
    ) -> Tensor:
        """Return (batch, length, hidden); where `heads` or `ffn` is given, so many of the first of them take part."""
        x = x + F.dropout(self.attend(self.attention_norm(x), mask, heads), self.dropout, self.training)
        return x + F.dropout(self.expand(self.ffn_norm(x), ffn), self.dropout, self.training)


class VisionTransformer(nn.Module):
    """A Vision Transformer with a linear head on each class token.

    >>> shape = VisionShape(image=8, patch=4, hidden=8, head_size=4, heads=(2,), ffn=(16,), labels=3)
    >>> VisionTransformer(shape)(torch.zeros(2, 8, 8, 3, dtype=torch.uint8)).logits.shape
    torch.Size([2, 3])
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, shape: VisionShape, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("mean", torch.tensor(shape.mean))
        self.register_buffer("deviation", torch.tensor(shape.deviation))
        self.patches = nn.Linear(shape.patch_values, shape.hidden)
        self.tokens = nn.Parameter(torch.zeros(shape.tokens, shape.hidden))
        self.positions = nn.Parameter(torch.zeros(shape.side**2, shape.hidden))
        self.blocks = nn.ModuleList(VisionBlock(shape, layer, dropout=dropout) for layer in range(shape.layers))
        self.norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.heads = nn.ModuleList(nn.Linear(shape.hidden, shape.labels) for _ in range(shape.tokens))

    def forward(self, pixels: Tensor, targets: Tensor | None = None, part: Part | None = None) -> VisionOutput:
        """Return answers to `pixels`, (batch, size, size, channels) of 0 to 255, by `part` or by the whole model."""
        x = self.embed(pixels)
        heads, ffn = (part.heads, part.ffn) if part else (None, None)
        for index in part.blocks if part else range(self.shape.layers):
            x = self.blocks[index](x, heads=heads, ffn=ffn)
        last = self.norm(x[:, : self.shape.tokens])
        answers = self._answers(last)
        logits = torch.stack(answers).mean(0)
        return VisionOutput(logits, last[:, 0], answers, pixels, logits if targets is None else targets)

    def embed(self, pixels: Tensor) -> Tensor:
        """Return what the first block reads, (batch, length, hidden); pictures of other sizes are scaled."""
        shape, count = self.shape, pixels.shape[0]
        scaled = (resized_pixels(pixels.to(self.tokens.dtype), shape.image) - self.mean) / self.deviation
        grid = scaled.reshape(count, shape.side, shape.patch, shape.side, shape.patch, shape.channels)
        flat = grid.permute(0, 1, 3, 2, 4, 5).reshape(count, shape.side**2, shape.patch_values)
        patches = self.patches(flat) + self.positions
        return torch.cat([self.tokens.expand(count, -1, -1).to(patches.dtype), patches], dim=1)

    def run_block(self, index: int, x: Tensor, targets: Tensor | None = None) -> Tensor:
        """Return what block `index` makes of `x`."""
        return cast(Tensor, self.blocks[index](x))

    def answer(self, x: Tensor, targets: Tensor | None = None) -> Tensor:
        """Return logits for what the last block gave."""
        return torch.stack(self._answers(self.norm(x[:, : self.shape.tokens]))).mean(0)

    def _answers(self, last: Tensor) -> tuple[Tensor, ...]:
        return tuple(head(last[:, place]) for place, head in enumerate(self.heads))

    def set_dropout(self, share: float) -> None:
        """Set the share of activations that training leaves out."""
        for block in self.blocks:
            cast(VisionBlock, block).dropout = share

    def parameter_count(self) -> int:
        """Return the number of weights."""
        return sum(parameter.numel() for parameter in self.parameters())


def resized_pixels(pixels: Tensor, side: int) -> Tensor:
    """Return pictures (batch, size, size, channels) of 0 to 255 with `side` pixels a side."""
    if pixels.shape[1] == side:
        return pixels
    found = F.interpolate(pixels.permute(0, 3, 1, 2), size=(side, side), mode="bicubic", antialias=True)
    return found.clamp(0, 255).permute(0, 2, 3, 1)


def waves(side: int, width: int) -> Tensor:
    """Return positions that say by sines and cosines where in a square of `side` x `side` each is: (places, width).

    Neighbours begin alike, so that a model which sees few pictures need not learn it.

    >>> waves(2, 8).shape
    torch.Size([4, 8])
    """
    quarter = width // 4
    angles = torch.outer(torch.arange(side), 10_000.0 ** -(torch.arange(quarter) / quarter))
    line = torch.cat([angles.sin(), angles.cos()], dim=1)
    rows, columns = line[:, None].expand(-1, side, -1), line[None].expand(side, -1, -1)
    return torch.cat([rows, columns], dim=-1).reshape(side * side, -1)


def new_vision_transformer(shape: VisionShape, *, seed: int) -> VisionTransformer:
    """Return a model that knows nothing yet."""
    torch.manual_seed(seed)
    model = VisionTransformer(shape)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    nn.init.trunc_normal_(model.tokens, std=0.02)
    with torch.no_grad():
        model.positions.copy_(waves(shape.side, shape.hidden))
    return model
