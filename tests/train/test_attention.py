"""Attention that is written out: the same answers and gradients as PyTorch's own."""

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from penjing.train.attention import attend


@pytest.mark.parametrize("length", [7, 100])
@pytest.mark.parametrize("masked", [True, False])
def test_answers_and_gradients_are_those_of_the_library(length, masked):
    torch.manual_seed(0)
    mask = (torch.rand(2, 1, 1, length) > 0.3) if masked else None
    if mask is not None:
        mask[..., 0] = True
    leaves = [torch.randn(2, 3, length, 8) for _ in range(3)]
    exact = [leaf.clone().requires_grad_() for leaf in leaves]
    expected = F.scaled_dot_product_attention(*exact, attn_mask=mask)
    rounded = [leaf.bfloat16().requires_grad_() for leaf in leaves]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = attend(*rounded, mask, dropout=0.0)
    assert torch.allclose(found.float(), expected, atol=3e-2)
    weights = torch.randn_like(expected)
    (expected * weights).sum().backward()
    (found * weights).sum().backward()
    for ours, theirs in zip(rounded, exact, strict=True):
        assert torch.allclose(ours.grad.float(), theirs.grad, atol=6e-2)


def test_dropout_leaves_out_about_its_share():
    torch.manual_seed(0)
    q = torch.randn(4, 4, 32, 8, dtype=torch.bfloat16, requires_grad=True)
    ones = torch.ones(4, 4, 32, 8, dtype=torch.bfloat16)
    found = attend(q, q, ones, None, dropout=0.5)
    assert found.float().std() > 0.05
    assert float(found.detach().float().mean()) == pytest.approx(1.0, abs=0.1)
