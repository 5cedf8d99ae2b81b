"""A BERT-type encoder with a classification head, whose layers may differ in width.

It computes what transformers' models of the BERT family compute (proved by parity tests), for single segments: the
token-type row 0 is folded into the position rows. Heads and feed-forward neurons are counted per layer, so
that a pruned model is an ordinary value of `EncoderShape`. Word embeddings may be narrower than the rest: then a
matrix widens them.

Sources: Devlin et al. 2018, "BERT: Pre-training of Deep Bidirectional Transformers" (the architecture); Lan et al.
2019, "ALBERT" (factorized embeddings); Clark et al. 2020, "ELECTRA" (a sum that is widened).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name PyTorch's documentation uses)

from penjing.train.attention import attend
from penjing.train.families import PoolerActivation

Pooling = Literal["mean", "first"]  # first: a dense layer and an activation function on the first token


_POOLERS: Mapping[PoolerActivation, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "relu": F.relu, "gelu": F.gelu}


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """The sizes of an encoder; `heads` and `ffn` hold one number a layer."""

    vocabulary: int
    hidden: int
    head_size: int
    heads: tuple[int, ...]
    ffn: tuple[int, ...]
    positions: int
    labels: int
    pooling: Pooling = "mean"
    epsilon: float = 1e-12
    pad_id: int = 0
    rank: int | None = None
    """The width of the word embeddings, where it is less than `hidden`."""
    widened: Literal["words", "sum"] = "words"
    """What a matrix widens where `rank` is set: the word embeddings, or their normalized sum with the positions."""
    pooler: PoolerActivation = "tanh"
    """The activation function after the dense layer of pooling "first"."""

    @property
    def layers(self) -> int:
        """The number of blocks."""
        return len(self.heads)

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that `from_json` reads back."""
        return asdict(self)

    @property
    def summed(self) -> int:
        """The width in which words and positions are added."""
        return self.rank if self.rank and self.widened == "sum" else self.hidden

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> EncoderShape:
        """Return the shape that `to_json` wrote."""
        return cls(**{**values, "heads": tuple(values["heads"]), "ffn": tuple(values["ffn"])})


@dataclass(frozen=True, slots=True)
class Part:
    """A sub-network: some blocks, and of each the first `heads` heads and the first `ffn` neurons."""

    blocks: tuple[int, ...]
    heads: int
    ffn: int


class Output(NamedTuple):
    """What an encoder returns."""

    logits: Tensor  # (batch, labels)
    pooled: Tensor  # (batch, hidden): what the head reads
    hidden: list[Tensor]  # the embeddings and every block's output: (batch, length, hidden) each


class BlockSizes(Protocol):
    """What the shape of a model says of its blocks."""

    @property
    def hidden(self) -> int:
        """The width of what goes from block to block."""
        ...

    @property
    def head_size(self) -> int:
        """Channels a head."""
        ...

    @property
    def heads(self) -> tuple[int, ...]:
        """Heads a layer."""
        ...

    @property
    def ffn(self) -> tuple[int, ...]:
        """Neurons a layer."""
        ...

    @property
    def epsilon(self) -> float:
        """Of layer normalization."""
        ...


class Block(nn.Module):
    """Self-attention and feed-forward, each followed by residual addition and layer normalization."""

    def __init__(self, shape: BlockSizes, layer: int, *, dropout: float) -> None:
        super().__init__()
        self.heads, self.head_size = shape.heads[layer], shape.head_size
        inner = self.heads * self.head_size
        self.qkv = nn.Linear(shape.hidden, 3 * inner)
        self.attention_out = nn.Linear(inner, shape.hidden)
        self.attention_norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.ffn_in = nn.Linear(shape.hidden, shape.ffn[layer])
        self.ffn_out = nn.Linear(shape.ffn[layer], shape.hidden)
        self.ffn_norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.dropout = dropout

    def forward(self, x: Tensor, mask: Tensor, *, heads: int | None = None, ffn: int | None = None) -> Tensor:
        """Return (batch, length, hidden); `mask` is (batch, 1, 1, length), true where attended.

        Where `heads` or `ffn` is given, only so many of the first heads or neurons take part.
        """
        x = self.attention_norm(x + F.dropout(self.attend(x, mask, heads), self.dropout, self.training))
        return cast(Tensor, self.ffn_norm(x + F.dropout(self.expand(x, ffn), self.dropout, self.training)))

    def attend(self, x: Tensor, mask: Tensor | None, heads: int | None) -> Tensor:
        """Return what self-attention adds to `x`."""
        batch, length, _ = x.shape
        count = heads or self.heads
        inner = None if heads is None else heads * self.head_size
        q, k, v = self._qkv(x, inner).view(batch, length, 3, count, self.head_size).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        attended = attend(q, k, v, mask, dropout=dropout)
        return _first(self.attention_out, attended.transpose(1, 2).reshape(batch, length, -1), inputs=inner)

    def expand(self, x: Tensor, ffn: int | None) -> Tensor:
        """Return what the feed-forward layers add to `x`."""
        return _first(self.ffn_out, F.gelu(_first(self.ffn_in, x, outputs=ffn)), inputs=ffn)

    def _qkv(self, x: Tensor, inner: int | None) -> Tensor:
        """Return queries, keys and values side by side, the first `inner` channels of each."""
        if inner is None:
            return cast(Tensor, self.qkv(x))
        weight = self.qkv.weight.view(3, -1, x.shape[-1])[:, :inner]
        return F.linear(x, weight.flatten(0, 1), self.qkv.bias.view(3, -1)[:, :inner].flatten())


def _first(layer: nn.Linear, x: Tensor, *, inputs: int | None = None, outputs: int | None = None) -> Tensor:
    """Return what `layer` gives where only its first inputs or outputs take part."""
    if inputs is None and outputs is None:
        return cast(Tensor, layer(x))
    bias = layer.bias if outputs is None else layer.bias[:outputs]
    return F.linear(x, layer.weight[:outputs, :inputs], bias)


class Encoder(nn.Module):
    """An encoder with mean or first-token pooling and a linear head.

    >>> shape = EncoderShape(vocabulary=50, hidden=8, head_size=4, heads=(2,), ffn=(16,), positions=16, labels=3)
    >>> Encoder(shape)(torch.ones(2, 5, dtype=torch.long), torch.ones(2, 5)).logits.shape
    torch.Size([2, 3])
    """

    def __init__(self, shape: EncoderShape, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(shape.vocabulary, shape.rank or shape.hidden)
        self.widen = nn.Linear(shape.rank, shape.hidden, bias=shape.widened == "sum") if shape.rank else None
        self.positions = nn.Embedding(shape.positions, shape.summed)
        self.embedding_norm = nn.LayerNorm(shape.summed, eps=shape.epsilon)
        self.blocks = nn.ModuleList(Block(shape, layer, dropout=dropout) for layer in range(shape.layers))
        self.pooler = nn.Linear(shape.hidden, shape.hidden) if shape.pooling == "first" else None
        self.head = nn.Linear(shape.hidden, shape.labels)
        self.dropout = dropout

    def forward(self, ids: Tensor, mask: Tensor, part: Part | None = None) -> Output:
        """Return logits and hidden states for `ids` and `mask`, both (batch, length), of `part` or of the whole."""
        hidden = [self.embed(ids)]
        attended = mask.bool()[:, None, None, :]
        heads, ffn = (part.heads, part.ffn) if part else (None, None)
        for index in part.blocks if part else range(self.shape.layers):
            hidden.append(self.blocks[index](hidden[-1], attended, heads=heads, ffn=ffn))
        pooled = self.pool(hidden[-1], mask)
        return Output(self.head(F.dropout(pooled, self.dropout, self.training)), pooled, hidden)

    def embed(self, ids: Tensor) -> Tensor:
        """Return what the first block reads: (batch, length, hidden)."""
        words, positions = self.words(ids), self.positions.weight[: ids.shape[1]]
        if self.widen is not None and self.shape.widened == "words":
            words = self.widen(words)
        x = F.dropout(self.embedding_norm(words + positions), self.dropout, self.training)
        return x if self.widen is None or self.shape.widened == "words" else cast(Tensor, self.widen(x))

    def run_block(self, index: int, x: Tensor, mask: Tensor) -> Tensor:
        """Return what block `index` makes of `x`; `mask` is (batch, length), true where there is a piece."""
        return cast(Tensor, self.blocks[index](x, mask.bool()[:, None, None, :]))

    def answer(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return logits for what the last block gave."""
        return cast(Tensor, self.head(self.pool(x, mask)))

    def pool(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return what the head reads, (batch, hidden), of the last block's output."""
        if self.pooler is not None:
            return _POOLERS[self.shape.pooler](self.pooler(x[:, 0]))
        weights = mask.to(x.dtype)
        return (x * weights[:, :, None]).sum(1) / weights.sum(1, keepdim=True)

    def set_dropout(self, share: float) -> None:
        """Set the share of activations that training leaves out."""
        self.dropout = share
        for block in self.blocks:
            cast(Block, block).dropout = share

    def parameter_count(self) -> int:
        """Return the number of weights."""
        return sum(parameter.numel() for parameter in self.parameters())
