"""Scaled dot-product attention that is as fast backward as forward, on a CPU in bfloat16 too.

There PyTorch's own kernel takes 5 to 15 times as long backward as the products it consists of (docs/log.md), so that
these are written out. From 65 positions on, the weights of all pairs are computed again instead of kept; not with
dropout, where the library keeps them too.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.utils.checkpoint import checkpoint

_KEPT_LENGTH = 64  # up to which the weights of all pairs of positions are kept


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, dropout: float) -> Tensor:
    """Return (batch, heads, length, size) for queries, keys and values of that shape.

    `mask` is true where there is something to attend to; None: everywhere. `dropout` is the share of weights left out.

    >>> x = torch.ones(1, 2, 3, 4)
    >>> attend(x, x, x, None, dropout=0.0).shape
    torch.Size([1, 2, 3, 4])
    """
    if not (torch.is_grad_enabled() and q.dtype == torch.bfloat16 and q.device.type == "cpu"):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
    if dropout or q.shape[-2] <= _KEPT_LENGTH:
        return _written_out(q, k, v, mask, dropout)
    return cast(Tensor, checkpoint(_written_out, q, k, v, mask, dropout, use_reentrant=False, preserve_rng_state=False))


def _written_out(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout: float) -> Tensor:
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    return F.dropout(scores.softmax(-1), dropout) @ v
