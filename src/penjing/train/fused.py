"""A small Transformer over one vector an input: what a row's texts, pictures, sounds, numbers and categories say.

Each input has an encoder of its own (n-grams summed, a convnet, a linear layer, a table); where a value is missing a
vector that was learned stands for it. Answers are read from a token of their own.

Sources: Vaswani et al. 2017 (self-attention); Nagrani et al. 2021, "Attention Bottlenecks for Multimodal Fusion" (late
fusion of few tokens is cheap); Neverova et al. 2016, "ModDrop" (inputs are left out while the model learns).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from penjing.engines.mixed_inputs import array_name
from penjing.train.convnet import ConvNet
from penjing.train.encoder import Part
from penjing.train.vision import VisionBlock

SAVED = "fused.safetensors"
HEAD_SIZE = 16
_LEAST_NORMALIZED = 2
_SMALL, _LARGE = 32, 128  # larger pixels are made smaller at once: none of several inputs is to take all the time


@dataclass(frozen=True, slots=True)
class InputShape:
    """One input: its name, its kind, and its sizes."""

    name: str
    kind: str
    rows: int = 0
    """Of a table: n-gram buckets or categories, with one for nothing. Of pixels: their rows."""
    columns: int = 0
    channels: int = 0
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class FusedShape:
    """The sizes of a model of several inputs."""

    inputs: tuple[InputShape, ...]
    hidden: int
    heads: tuple[int, ...]
    ffn: tuple[int, ...]
    labels: int
    widths: tuple[int, ...] = (32, 64, 128)
    """Of the convnets."""
    head_size: int = HEAD_SIZE
    epsilon: float = 1e-6

    @property
    def layers(self) -> int:
        """The number of blocks."""
        return len(self.heads)

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FusedShape:
        """Return the shape that `to_json` wrote."""
        inputs = tuple(
            InputShape(**{**one, "mean": tuple(one["mean"]), "deviation": tuple(one["deviation"])})
            for one in values["inputs"]
        )
        lists = {name: tuple(values[name]) for name in ("heads", "ffn", "widths")}
        return cls(**{**values, **lists, "inputs": inputs})


@dataclass(frozen=True)
class FusedBatch:
    """Arrays of every input (see `array_name`), and what is there: (rows, inputs), 1 or 0."""

    values: Mapping[str, Tensor]
    present: Tensor

    def to(self, device: str) -> FusedBatch:
        """Return the batch on `device`."""
        return FusedBatch({name: value.to(device) for name, value in self.values.items()}, self.present.to(device))


class FusedOutput(NamedTuple):
    """What a model of several inputs returns."""

    logits: Tensor  # (batch, labels)
    pooled: Tensor  # (batch, hidden)
    batch: FusedBatch
    targets: Tensor  # (batch, labels): what it was to say, as shares


class _Grams(nn.Module):
    """The weighted sum of the vectors of a text's n-grams."""

    def __init__(self, buckets: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(buckets, width, padding_idx=0)

    def forward(self, buckets: Tensor, weights: Tensor) -> Tensor:
        return cast(Tensor, (self.table(buckets) * weights[:, :, None]).sum(1))


class FusedModel(nn.Module):
    """One encoder an input, and blocks over what they say.

    >>> number = InputShape("age", "number")
    >>> model = FusedModel(FusedShape((number,), hidden=16, heads=(1,), ffn=(32,), labels=2))
    >>> model(FusedBatch({"x0": torch.zeros(3, 1)}, torch.ones(3, 1))).logits.shape
    torch.Size([3, 2])
    """

    def __init__(self, shape: FusedShape) -> None:
        super().__init__()
        self.shape = shape
        self.encoders = nn.ModuleList(_encoder(one, shape) for one in shape.inputs)
        self.missing = nn.Parameter(torch.zeros(len(shape.inputs), shape.hidden))
        self.positions = nn.Parameter(torch.zeros(len(shape.inputs), shape.hidden))
        self.tokens = nn.Parameter(torch.zeros(1, shape.hidden))
        self.blocks = nn.ModuleList(VisionBlock(shape, layer, dropout=0.0) for layer in range(shape.layers))
        self.norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.head = nn.Linear(shape.hidden, shape.labels)

    def forward(self, batch: FusedBatch, targets: Tensor | None = None, part: Part | None = None) -> FusedOutput:
        """Return answers to a batch; it has no parts."""
        x = self.embed(batch)
        for block in self.blocks:
            x = block(x)
        pooled = self.norm(x[:, 0])
        logits = self.head(pooled)
        return FusedOutput(logits, pooled, batch, logits if targets is None else targets)

    def embed(self, batch: FusedBatch) -> Tensor:
        """Return what the first block reads, (batch, 1 + inputs, hidden): the token that answers, then the inputs."""
        places = range(len(self.shape.inputs))
        said = torch.stack([self._said(place, batch.values, batch.present[:, place]) for place in places], dim=1)
        there = batch.present[:, :, None].to(said.dtype)
        found = there * said + (1 - there) * self.missing + self.positions
        return torch.cat([self.tokens.expand(len(found), 1, -1).to(found.dtype), found], dim=1)

    def _said(self, place: int, values: Mapping[str, Tensor], there: Tensor) -> Tensor:
        kind, encoder, name = self.shape.inputs[place].kind, self.encoders[place], array_name(place)
        if kind == "text":
            return cast(Tensor, encoder(values[f"{name}.buckets"], values[f"{name}.weights"]))
        if kind in {"image", "audio"}:
            return self._seen(encoder, values[name], there)
        found = encoder(values[name])
        return cast(Tensor, found[:, 0] if kind == "category" else found)

    def _seen(self, encoder: nn.Module, pixels: Tensor, there: Tensor) -> Tensor:
        """Return what a convnet says; while it learns, batch normalization counts no pixels that are missing."""
        rows = there.nonzero()[:, 0]
        if not self.training or len(rows) < _LEAST_NORMALIZED or len(rows) == len(pixels):
            return cast(Tensor, encoder(pixels).logits)
        said = encoder(pixels[rows]).logits
        return cast(Tensor, said.new_zeros(len(pixels), said.shape[1]).index_copy(0, rows, said))

    def set_dropout(self, share: float) -> None:
        """Set the share of activations that training leaves out, between the inputs."""
        for block in self.blocks:
            cast(VisionBlock, block).dropout = share

    def parameter_count(self) -> int:
        """Return the number of weights."""
        return sum(parameter.numel() for parameter in self.parameters())


def _encoder(one: InputShape, shape: FusedShape) -> nn.Module:
    if one.kind == "text":
        return _Grams(one.rows, shape.hidden)
    if one.kind in {"image", "audio"}:
        side = max(one.rows, one.columns)
        return ConvNet(
            labels=shape.hidden, image=side if side <= _SMALL else _LARGE, mean=one.mean, deviation=one.deviation,
            widths=shape.widths,
        )  # fmt: skip
    if one.kind == "category":
        return nn.Embedding(one.rows, shape.hidden)
    return nn.Sequential(nn.Linear(1, shape.hidden), nn.GELU(), nn.Linear(shape.hidden, shape.hidden))


def new_fused(shape: FusedShape, *, seed: int) -> FusedModel:
    """Return a model that knows nothing yet."""
    torch.manual_seed(seed)
    model = FusedModel(shape)
    for values in (model.missing, model.positions, model.tokens):
        nn.init.trunc_normal_(values, std=0.02)
    for encoder in model.encoders:
        if isinstance(encoder, _Grams):
            with torch.no_grad():
                encoder.table.weight[1:].normal_(std=0.3)
    return model


def fused_loss(output: FusedOutput, indices: Any) -> Tensor:
    """Return the cross-entropy with the labels."""
    return F.cross_entropy(output.logits.float(), output.targets)


def save_fused(model: FusedModel, folder: Path) -> None:
    """Write fused.safetensors and shape.json into `folder`, which exists."""
    save_file({name: value.detach().contiguous() for name, value in model.state_dict().items()}, folder / SAVED)
    (folder / "shape.json").write_text(json.dumps(model.shape.to_json()), encoding="utf-8")


def load_fused(folder: Path) -> FusedModel:
    """Return the model that `save_fused` wrote."""
    model = FusedModel(FusedShape.from_json(json.loads((folder / "shape.json").read_text(encoding="utf-8"))))
    model.load_state_dict(load_file(folder / SAVED))
    return model.eval()
