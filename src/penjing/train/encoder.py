"""A BERT-type encoder with a classification head, whose layers may differ in width.

It computes what transformers' BertModel computes (proved by a parity test), for single segments: the
token-type row 0 is folded into the position rows. Heads and feed-forward neurons are counted per layer, so
that a pruned model is an ordinary value of `EncoderShape`.

Source of the architecture: Devlin et al. 2018, "BERT: Pre-training of Deep Bidirectional Transformers".
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the name PyTorch's documentation uses)

Pooling = Literal["mean", "first"]  # first: BERT's pooler, a dense layer and tanh on the first token


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

    @property
    def layers(self) -> int:
        """The number of blocks."""
        return len(self.heads)

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> EncoderShape:
        """Return the shape that `to_json` wrote."""
        return cls(**{**values, "heads": tuple(values["heads"]), "ffn": tuple(values["ffn"])})


class Output(NamedTuple):
    """What an encoder returns."""

    logits: Tensor  # (batch, labels)
    pooled: Tensor  # (batch, hidden): what the head reads
    hidden: list[Tensor]  # the embeddings and every block's output: (batch, length, hidden) each


class Block(nn.Module):
    """Self-attention and feed-forward, each followed by residual addition and layer normalization."""

    def __init__(self, shape: EncoderShape, layer: int, *, dropout: float) -> None:
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

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return (batch, length, hidden); `mask` is (batch, 1, 1, length), true where attended."""
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, self.head_size).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        attended = self.attention_out(attended.transpose(1, 2).reshape(batch, length, -1))
        x = self.attention_norm(x + F.dropout(attended, self.dropout, self.training))
        expanded = self.ffn_out(F.gelu(self.ffn_in(x)))
        return cast(Tensor, self.ffn_norm(x + F.dropout(expanded, self.dropout, self.training)))


class Encoder(nn.Module):
    """An encoder with mean or first-token pooling and a linear head.

    >>> shape = EncoderShape(vocabulary=50, hidden=8, head_size=4, heads=(2,), ffn=(16,), positions=16, labels=3)
    >>> Encoder(shape)(torch.ones(2, 5, dtype=torch.long), torch.ones(2, 5)).logits.shape
    torch.Size([2, 3])
    """

    def __init__(self, shape: EncoderShape, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(shape.vocabulary, shape.hidden)
        self.positions = nn.Embedding(shape.positions, shape.hidden)
        self.embedding_norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.blocks = nn.ModuleList(Block(shape, layer, dropout=dropout) for layer in range(shape.layers))
        self.pooler = nn.Linear(shape.hidden, shape.hidden) if shape.pooling == "first" else None
        self.head = nn.Linear(shape.hidden, shape.labels)
        self.dropout = dropout

    def forward(self, ids: Tensor, mask: Tensor) -> Output:
        """Return logits and hidden states for `ids` and `mask`, both (batch, length)."""
        hidden = [self.embed(ids)]
        attended = mask.bool()[:, None, None, :]
        for block in self.blocks:
            hidden.append(block(hidden[-1], attended))
        pooled = self.pool(hidden[-1], mask)
        return Output(self.head(F.dropout(pooled, self.dropout, self.training)), pooled, hidden)

    def embed(self, ids: Tensor) -> Tensor:
        """Return what the first block reads: (batch, length, hidden)."""
        x = self.words(ids) + self.positions.weight[: ids.shape[1]]
        return F.dropout(self.embedding_norm(x), self.dropout, self.training)

    def pool(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return what the head reads, (batch, hidden), of the last block's output."""
        if self.pooler is not None:
            return torch.tanh(self.pooler(x[:, 0]))
        weights = mask.to(x.dtype)
        return (x * weights[:, :, None]).sum(1) / weights.sum(1, keepdim=True)

    def parameter_count(self) -> int:
        """Return the number of weights."""
        return sum(parameter.numel() for parameter in self.parameters())
