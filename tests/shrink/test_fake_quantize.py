"""Training that rounds as the quantized file does."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from penjing.export.layers import Precision
from penjing.export.onnx import encoder_to_onnx
from penjing.export.parity import onnx_logits
from penjing.shrink.fake_quantize import fake_quantized
from penjing.shrink.quantize import calibrate
from penjing.shrink.structure import factor_words
from penjing.train.device import Device
from penjing.train.predict import logits_of
from tests.train.tiny import separable, tiny_encoder

CPU = Device("cpu", bfloat16=False)


def arrays(model):
    return {name: value.detach().numpy() for name, value in model.state_dict().items()}


@pytest.fixture
def tokens():
    return separable(50)[0]


def narrow_encoder():
    return factor_words(tiny_encoder(), 16, counts=[1] * 60)


@pytest.mark.parametrize("embeddings", ["float32", "int8", "int4"])
@pytest.mark.parametrize("make", [tiny_encoder, narrow_encoder])
def test_it_answers_as_the_exported_file(tokens, make, embeddings):
    model = make()
    precision = Precision(linear=calibrate(model, tokens, device=CPU), embeddings=embeddings)
    exact = logits_of(model, tokens, device=CPU)
    with fake_quantized(model, precision):
        simulated = logits_of(model, tokens, device=CPU)
    exported = onnx_logits(encoder_to_onnx(model.shape, arrays(model), precision=precision), tokens)
    assert np.abs(simulated - exported).max() < 0.2 * np.abs(exact - exported).max()
    np.testing.assert_array_equal(logits_of(model, tokens, device=CPU), exact)


def test_gradients_reach_every_weight(tokens):
    model = tiny_encoder()
    precision = Precision(linear=calibrate(model, tokens, device=CPU), embeddings="int4")
    ids, mask = tokens.batch(np.arange(20))
    with fake_quantized(model, precision):
        model(ids, mask).logits.square().sum().backward()
        assert all(parameter.grad is not None for parameter in model.parameters())
        assert float(model.blocks[0].qkv.parametrizations.weight.original.grad.abs().sum()) > 0
    assert not hasattr(model.blocks[0].qkv, "parametrizations")


def test_what_training_changed_stays(tokens):
    model = tiny_encoder()
    before = model.positions.weight.detach().clone()
    precision = Precision(linear=calibrate(model, tokens, device=CPU), embeddings="int8")
    with fake_quantized(model, precision), torch.no_grad():
        model.positions.parametrizations.weight.original += 1.0
    assert torch.equal(model.positions.weight, before + 1.0)


def test_a_layer_that_stays_in_float_is_not_rounded(tokens):
    model = tiny_encoder()
    precision = Precision(linear=calibrate(model, tokens, device=CPU))
    kept = replace(precision, linear={name: found for name, found in precision.linear.items() if "0.qkv" not in name})
    with fake_quantized(model, kept):
        assert not hasattr(model.blocks[0].qkv, "parametrizations")
        assert hasattr(model.blocks[1].qkv, "parametrizations")
