from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from onnx import numpy_helper

from penjing.engines.openvino import OpenVinoEngine
from penjing.errors import ExportError
from penjing.export.integers import quantize_pairs, quantize_rows, restore_pairs, restore_rows
from penjing.export.layers import ActivationRange, Precision
from penjing.export.onnx import encoder_to_onnx
from penjing.export.parity import check_parity, onnx_logits
from penjing.shrink.importance import Importance
from penjing.shrink.quantize import activation_range, calibrate, output_errors, quantize
from penjing.shrink.structure import factor_words, narrow
from penjing.train.device import Device
from penjing.train.predict import logits_of
from tests.train.tiny import separable, tiny_encoder

CPU = Device("cpu", bfloat16=False)


def arrays(model):
    return {name: value.detach().numpy() for name, value in model.state_dict().items()}


@pytest.fixture
def tokens():
    return separable(50)[0]


@pytest.mark.parametrize("pooling", ["mean", "first"])
@pytest.mark.parametrize("labels", [2, 7])
def test_float32_file_answers_as_torch(tokens, pooling, labels):
    model = tiny_encoder(pooling=pooling, labels=labels)
    exported = onnx_logits(encoder_to_onnx(model.shape, arrays(model)), tokens)
    assert check_parity(exported, logits_of(model, tokens, device=CPU)) < 1e-5


def test_a_narrowed_model_answers_as_torch(tokens):
    model = tiny_encoder()
    random = np.random.default_rng(0)
    scores = Importance(
        heads=tuple(random.random(4) for _ in range(3)), ffn=tuple(random.random(128) for _ in range(3))
    )
    small = narrow(model, scores, heads=0.5, ffn=0.5)
    exported = onnx_logits(encoder_to_onnx(small.shape, arrays(small)), tokens)
    check_parity(exported, logits_of(small, tokens, device=CPU))


def test_parity_fails_over_the_tolerance_and_on_nan():
    expected = np.zeros((2, 2), np.float32)
    with pytest.raises(ExportError, match=r"0\.01"):
        check_parity(expected + np.float32(0.01), expected)
    with pytest.raises(ExportError, match="nan"):
        check_parity(expected * np.float32("nan"), expected)


def int8_model(model, tokens, **embeddings):
    ranges = calibrate(model, tokens, device=CPU)
    return encoder_to_onnx(model.shape, arrays(model), precision=Precision(linear=ranges, **embeddings))


def test_int8_is_close_smaller_and_the_same_at_every_batch_size(tokens):
    model = tiny_encoder()
    exact = logits_of(model, tokens, device=CPU)
    exported = int8_model(model, tokens, embeddings="int8")
    found = onnx_logits(exported, tokens)
    assert np.abs(found - exact).max() < 0.1 * np.abs(exact).max()
    assert exported.ByteSize() < 0.5 * encoder_to_onnx(model.shape, arrays(model)).ByteSize()
    alone = np.concatenate([onnx_logits(exported, tokens.take(np.array([row]))) for row in range(len(tokens))])
    np.testing.assert_allclose(alone, found, atol=1e-5)


def test_int8_layers_are_stored_as_int8():
    model = tiny_encoder()
    exported = int8_model(model, separable(20)[0], embeddings="int8")
    kinds = {tensor.name: tensor.data_type for tensor in exported.graph.initializer}
    assert kinds["blocks.0.qkv.weight"] == onnx.TensorProto.INT8
    assert kinds["words.int8"] == onnx.TensorProto.INT8
    assert kinds["head.weight"] == onnx.TensorProto.FLOAT
    assert "words.weight" not in kinds


def test_narrow_embeddings_are_widened_in_int8(tokens):
    model = factor_words(tiny_encoder(), 16, counts=[1] * 60)
    exact = logits_of(model, tokens, device=CPU)
    exported = int8_model(model, tokens, embeddings="int8")
    kinds = {tensor.name: tensor.data_type for tensor in exported.graph.initializer}
    assert kinds["widen.weight"] == kinds["positions"] == onnx.TensorProto.INT8
    assert np.abs(onnx_logits(exported, tokens) - exact).max() < 0.1 * np.abs(exact).max()
    assert 0 < output_errors(model, tokens, calibrate(model, tokens, device=CPU), device=CPU)["widen"] < 0.01


def test_two_int8_products_fit_sixteen_bits_on_processors_without_vnni(tokens):
    exported = int8_model(tiny_encoder(), tokens)
    stored = [numpy_helper.to_array(tensor) for tensor in exported.graph.initializer if "blocks." in tensor.name]
    weights = [array for array in stored if array.dtype == np.int8 and array.ndim == 2]
    assert len(weights) == 4 * tiny_encoder().shape.layers
    assert 2 * 255 * max(int(np.abs(array).max()) for array in weights) <= np.iinfo(np.int16).max


@pytest.mark.parametrize("embeddings", ["float32", "int8", "int4"])
def test_the_graph_is_valid_onnx(tokens, embeddings):
    onnx.checker.check_model(int8_model(tiny_encoder(pooling="first"), tokens, embeddings=embeddings), full_check=True)


def test_int4_embeddings_are_close_and_smaller_still(tokens):
    model = tiny_encoder()
    exact = logits_of(model, tokens, device=CPU)
    exported = int8_model(model, tokens, embeddings="int4")
    assert np.abs(onnx_logits(exported, tokens) - exact).max() < 0.2 * np.abs(exact).max()
    assert exported.ByteSize() < int8_model(model, tokens, embeddings="int8").ByteSize()


def test_int4_embeddings_answer_in_openvino_as_in_onnxruntime(tokens, tmp_path):
    model = tiny_encoder()
    exported = encoder_to_onnx(model.shape, arrays(model), precision=Precision(embeddings="int4"))
    onnx.save(exported, tmp_path / "model.onnx")
    ids, mask = tokens.batch(np.arange(len(tokens)))
    batch = {"input_ids": ids.numpy(), "attention_mask": mask.numpy().astype(np.int64)}
    found = OpenVinoEngine(tmp_path / "model.onnx", threads=1).run(batch)
    np.testing.assert_allclose(found, onnx_logits(exported, tokens), atol=1e-4)


@pytest.mark.parametrize("columns", [300, 312, 384, 768])
def test_scales_of_int4_take_little_room_at_the_widths_of_real_models(columns):
    pairs, scales = quantize_pairs(np.ones((1, columns), np.float32))
    assert pairs.nbytes + scales.nbytes < 0.6 * columns


def test_embeddings_are_restored_by_the_graph(tokens):
    model = tiny_encoder()
    words = restore_pairs(*quantize_pairs(arrays(model)["words.weight"]))
    positions = restore_rows(*quantize_rows(arrays(model)["positions.weight"].T)).T
    rounded = {**arrays(model), "words.weight": words, "positions.weight": positions}
    expected = onnx_logits(encoder_to_onnx(model.shape, rounded), tokens)
    packed = encoder_to_onnx(model.shape, arrays(model), precision=Precision(embeddings="int4"))
    check_parity(onnx_logits(packed, tokens), expected)


@given(
    npst.arrays(
        np.float32, st.tuples(st.integers(1, 4), st.sampled_from([2, 24, 64, 312])), elements=st.floats(-9, 9, width=32)
    )
)
def test_pairs_are_restored_within_half_a_step_of_the_unclipped_scale(matrix):
    pairs, scales = quantize_pairs(matrix)
    plain = np.abs(matrix).max() / 7
    assert np.square(restore_pairs(pairs, scales) - matrix).sum() <= matrix.size * (plain * 0.51) ** 2 + 1e-6


def test_rows_are_restored_within_half_a_step():
    matrix = np.random.default_rng(0).normal(size=(5, 40)).astype(np.float32)
    stored, scales = quantize_rows(matrix)
    assert np.abs(restore_rows(stored, scales) - matrix).max() <= scales.max() / 2 + 1e-7
    assert not quantize_rows(np.zeros((2, 3), np.float32))[0].any()


def test_activation_range_is_clipped_where_a_few_values_are_far_out():
    values = np.random.default_rng(0).normal(size=100_000).astype(np.float32)
    calm = activation_range(values)
    wild = activation_range(np.append(values, np.float32(60.0)))
    assert wild.scale < 60 / 255
    assert calm.scale < wild.scale


def test_the_layer_with_the_largest_error_is_reverted_first():
    ranges = {name: ActivationRange(0.1, 128) for name in ("a", "b", "c")}
    harm = {"a": 0.01, "b": 0.5, "c": 0.2}

    def measure(precision):
        return sum(harm[name] for name in precision.linear)

    found = quantize(ranges, measure=measure, errors=lambda: harm, tolerance=0.3)
    assert found.reverted == ("b",)
    assert set(found.precision.linear) == {"a", "c"}
    assert found.divergence == pytest.approx(0.21)
    assert quantize(ranges, measure=measure, errors=lambda: harm, tolerance=1.0).reverted == ()
    misled = quantize(ranges, measure=measure, errors=lambda: {"a": 2.0, "b": 0.0, "c": 3.0}, tolerance=0.3)
    assert misled.reverted == ("c", "a", "b")
    assert len(quantize(ranges, measure=measure, errors=lambda: harm, tolerance=0.0, most_reverted=2).reverted) == 2


def test_the_error_of_a_layer_is_that_of_its_exported_output(tokens):
    model = tiny_encoder()
    ranges = calibrate(model, tokens, device=CPU)
    errors = output_errors(model, tokens, ranges, device=CPU)
    assert set(errors) == set(ranges)
    assert all(0 < error < 0.01 for error in errors.values())
    coarse = dict(ranges) | {"blocks.1.ffn_in": replace(ranges["blocks.1.ffn_in"], scale=1.0, zero_point=0)}
    worse = output_errors(model, tokens, coarse, device=CPU)
    assert max(worse, key=worse.get) == "blocks.1.ffn_in"
    assert {name for name in ranges if worse[name] != errors[name]} == {"blocks.1.ffn_in"}


def test_calibration_leaves_padding_out(tokens):
    model = tiny_encoder(layers=1)
    with torch.no_grad():
        model.words.weight[0] = 100.0  # the padding row
    ranges = calibrate(model, tokens, device=CPU)
    assert ranges["blocks.0.qkv"].scale < 0.1


def test_an_activation_range_sees_every_channel():
    generator = np.random.default_rng(0)
    values = generator.normal(size=(6400, 384)).astype(np.float32)
    values[:, 0] *= 40  # one channel is far out, as in real encoders
    whole = activation_range(values.ravel())
    turned = activation_range(np.roll(values, 5, axis=1).ravel())
    assert turned.scale == pytest.approx(whole.scale, rel=0.1)
