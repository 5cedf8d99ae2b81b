import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from penjing.shrink.importance import Importance, least_needed_blocks, unit_importance
from penjing.shrink.structure import keep_blocks, keep_pieces, keep_positions, narrow, put_pieces_back
from penjing.train.device import Device
from tests.train.tiny import separable, tiny_encoder

CPU = Device("cpu", bfloat16=False)


def answer(model, ids):
    with torch.no_grad():
        return model(ids, (ids != 0).long()).logits


@pytest.fixture
def ids():
    return torch.tensor([[11, 12, 13, 14], [20, 21, 0, 0]])


def test_units_that_do_nothing_are_the_first_to_go(ids):
    model = tiny_encoder(ffn=128)
    with torch.no_grad():
        for block in model.blocks:
            block.ffn_out.weight[:, ::2] = 0  # every second neuron says nothing
            block.attention_out.weight[:, 8:16] = 0  # the second head says nothing
    tokens, truth = separable(60)
    importance = unit_importance(
        model, tokens, loss=lambda output, rows: F.cross_entropy(output.logits, truth[rows]), device=CPU
    )
    assert all(scores.argmin() == 1 for scores in importance.heads)
    small = narrow(model, importance, heads=0.75, ffn=0.5)
    assert small.shape.heads == (3, 3, 3)
    assert small.shape.ffn == (64, 64, 64)
    torch.testing.assert_close(answer(small, ids), answer(model, ids), atol=1e-6, rtol=1e-5)


def test_importance_is_the_gradient_of_a_gate():
    model = tiny_encoder(layers=1)
    tokens, truth = separable(16)
    loss = lambda output, rows: F.cross_entropy(output.logits, truth[rows])  # noqa: E731
    found = unit_importance(model, tokens, loss=loss, device=CPU, batch_size=16).ffn[0]
    ids, mask = tokens.batch(np.arange(16))
    gate = torch.ones(128, requires_grad=True)
    model.blocks[0].ffn_out.register_forward_pre_hook(lambda _, inputs: (inputs[0] * gate,))
    loss(model(ids, mask), np.arange(16)).backward()
    np.testing.assert_allclose(found, gate.grad.abs().numpy(), atol=1e-6)


def test_a_block_that_does_nothing_is_the_least_needed():
    model = tiny_encoder(layers=3)
    middle = model.blocks[1]
    with torch.no_grad():
        for linear in (middle.attention_out, middle.ffn_out):
            linear.weight.zero_()
            linear.bias.zero_()
    tokens, _ = separable(40)
    order = least_needed_blocks(model, tokens, count=model.shape.layers - 1, device=CPU)
    assert order[0] == 1
    assert len(order) == 2
    assert model.shape.layers == len(model.blocks) == 3


def test_kept_blocks_are_the_same_blocks_in_order(ids):
    model = tiny_encoder(layers=3)
    small = keep_blocks(model, [0, 2])
    assert small.shape.layers == 2
    assert torch.equal(small.blocks[1].qkv.weight, model.blocks[2].qkv.weight)
    assert answer(small, ids).shape == (2, 2)


def test_kept_pieces_answer_as_before_and_go_back_to_their_place(ids):
    model = tiny_encoder()
    kept = [0, 11, 12, 13, 14, 20, 21, 40]
    small = keep_pieces(model, kept)
    new_ids = torch.tensor([[kept.index(int(piece)) for piece in row] for row in ids])
    torch.testing.assert_close(answer(small, new_ids), answer(model, ids))
    with torch.no_grad():
        small.words.weight += 1
    whole = put_pieces_back(small, kept, original=model)
    rest = [piece for piece in range(60) if piece not in kept]
    assert torch.equal(whole.words.weight[rest], model.words.weight[rest])
    torch.testing.assert_close(answer(whole, ids), answer(small, new_ids))


def test_at_least_one_head_and_64_neurons_stay():
    model = tiny_encoder()
    flat = Importance(heads=(np.ones(4),) * 3, ffn=(np.ones(128),) * 3)
    small = narrow(model, flat, heads=0.01, ffn=0.01)
    assert small.shape.heads == (1, 1, 1)
    assert small.shape.ffn == (64, 64, 64)


def test_positions_that_no_text_reaches_can_go():
    model = tiny_encoder()
    tokens, _ = separable(20)
    ids, mask = tokens.batch(np.arange(20))
    short = keep_positions(model, 12)
    assert short.shape.positions == 12
    torch.testing.assert_close(short(ids, mask).logits, model(ids, mask).logits)
