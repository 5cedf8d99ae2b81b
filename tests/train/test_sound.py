"""Whisper's encoder: what transformers computes, by its real names; exported, cut, in int8; out of packages."""

import json
import struct

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import WhisperConfig, WhisperForConditionalGeneration
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from penjing.errors import ModelError
from penjing.export.integers import pair_values, quantize_pairs
from penjing.export.layers import Int4Weight, Precision
from penjing.export.onnx_sound import sound_to_onnx
from penjing.export.parity import run_onnx
from penjing.search.precision import arrays_of
from penjing.shrink.importance import least_needed_blocks, unit_importance
from penjing.shrink.int4 import INT4_GROUP, int4_weights
from penjing.shrink.quantize import calibrate, int8_layers, watch_layers
from penjing.shrink.structure import keep_blocks, narrow
from penjing.train.device import Device
from penjing.train.pictures import Pictures
from penjing.train.sound import SoundShape, SoundTransformer
from penjing.train.sound_checkpoint import checkpoint_bands, load_pretrained_sound, load_sound, save_sound
from penjing.train.sound_probe import begin_with_probe, sounding
from penjing.train.vision_lessons import picture_label_loss, picture_logits
from penjing.train.whisper_package import read_variables, write_encoder
from tests.train.ctranslate2_file import ctranslate2_file, whisper_variables

DEVICE = Device("cpu", bfloat16=False)
CONFIG = {
    "d_model": 32, "encoder_layers": 3, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "num_mel_bins": 16, "max_source_positions": 20, "vocab_size": 100,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 3,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("whisper")
    WhisperForConditionalGeneration(WhisperConfig(**CONFIG)).save_pretrained(folder)
    return folder


def _pixels(count=6, moments=40):
    return np.random.default_rng(0).integers(0, 256, (count, 16, moments, 1)).astype(np.uint8)


def _model(layers=3, moments=20):
    shape = SoundShape(
        bands=16, moments=moments, hidden=32, head_size=16, heads=(2,) * layers, ffn=(128,) * layers, labels=5,
        mean=(80.0,),
    )  # fmt: skip
    model = SoundTransformer(shape)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def test_a_checkpoint_computes_what_transformers_computes(checkpoint):
    ours = load_pretrained_sound(checkpoint, labels=3, moments=40, seed=0).eval()
    theirs = WhisperForConditionalGeneration.from_pretrained(checkpoint).model.encoder.eval()
    pixels = torch.from_numpy(_pixels())
    features = (pixels[..., 0].float() - ours.mean) / ours.deviation
    with torch.no_grad():
        expected = theirs(features).last_hidden_state.mean(1)
        assert (ours(pixels).pooled - expected).abs().max() < 1e-5
    assert checkpoint_bands(checkpoint) == 16


def test_fewer_moments_are_heard_with_the_first_positions(checkpoint):
    model = load_pretrained_sound(checkpoint, labels=3, moments=20, seed=0)
    stored = load_file(checkpoint / "model.safetensors")["model.encoder.embed_positions.weight"]
    assert torch.equal(model.positions, stored[:10])
    with pytest.raises(ModelError, match="hears less"):
        load_pretrained_sound(checkpoint, labels=3, moments=42, seed=0)


@pytest.mark.parametrize("change", [{"model_type": "wav2vec2"}, {"activation_function": "relu"}, {"d_model": 64}])
def test_other_architectures_are_refused(checkpoint, tmp_path, change):
    config = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "config.json").write_text(json.dumps(config | change), encoding="utf-8")
    (tmp_path / "model.safetensors").write_bytes((checkpoint / "model.safetensors").read_bytes())
    with pytest.raises(ModelError):
        load_pretrained_sound(tmp_path, labels=3, moments=20, seed=0)


def test_what_was_saved_is_loaded_again(tmp_path):
    model = _model()
    save_sound(model, tmp_path)
    again = load_sound(tmp_path)
    assert again.shape == model.shape
    pixels = torch.from_numpy(_pixels(moments=20))
    with torch.no_grad():
        assert torch.equal(model(pixels).logits, again(pixels).logits)


def test_four_bits_in_turn_lose_less_than_to_the_nearest():
    model, pixels = _model(), _pixels(count=64, moments=20)
    pictures = Pictures(pixels, np.arange(64, dtype=np.int64) % 5, 5)
    weights = int4_weights(model, pictures, device=DEVICE)
    assert weights.keys() == {name for name in int8_layers(model) if name.startswith("blocks.")}
    lost = {"in turn": 0.0, "to the nearest": 0.0}

    def compare(name, x, output):
        if name in weights:
            exact = model.get_submodule(name).weight.detach().numpy()
            for way, found in (("in turn", weights[name]), ("to the nearest", to_the_nearest(exact))):
                stored = found.values * found.scales.astype(np.float32).repeat(INT4_GROUP, axis=1)
                lost[way] += float(np.square(x.numpy() @ (stored - exact).T).sum())

    watch_layers(model, pictures, compare, device=DEVICE)
    assert lost["in turn"] < 0.95 * lost["to the nearest"]


def test_the_file_in_four_bits_is_small_and_answers_as_the_model():
    model, pixels = _model(), _pixels(count=64, moments=20)
    pictures = Pictures(pixels, np.arange(64, dtype=np.int64) % 5, 5)
    expected = picture_logits(model, pictures, device=DEVICE)
    graph = sound_to_onnx(
        model.shape, arrays_of(model), precision=Precision(int4=int4_weights(model, pictures, device=DEVICE))
    )
    found = run_onnx(graph, {"pixels": pixels})
    assert np.square(found - expected).mean() < 0.2 * expected.var()
    assert len(graph.SerializeToString()) < len(sound_to_onnx(model.shape, arrays_of(model)).SerializeToString()) / 3


def to_the_nearest(matrix):
    parts = [quantize_pairs(matrix[:, start : start + INT4_GROUP]) for start in range(0, matrix.shape[1], INT4_GROUP)]
    values = np.concatenate([pair_values(pairs) for pairs, _ in parts], axis=1)
    return Int4Weight(values, np.concatenate([scales for _, scales in parts], axis=1))


@pytest.mark.parametrize("moments", [20, 21])
def test_the_exported_file_answers_as_the_model(moments):
    model, pixels = _model(moments=moments), _pixels(moments=moments)
    pictures = Pictures(pixels, np.arange(6, dtype=np.int64) % 5, 5)
    expected = picture_logits(model, pictures, device=DEVICE)
    graph = sound_to_onnx(model.shape, arrays_of(model))
    assert np.abs(run_onnx(graph, {"pixels": pixels}) - expected).max() < 1e-4
    ranges = calibrate(model, pictures, device=DEVICE)
    assert {"stem.0", "stem.1", "blocks.0.qkv"} <= ranges.keys() == int8_layers(model).keys()
    small = sound_to_onnx(model.shape, arrays_of(model), precision=Precision(linear=ranges, embeddings="int8"))
    found = run_onnx(small, {"pixels": pixels})
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.99
    assert len(small.SerializeToString()) < len(graph.SerializeToString()) / 2


def test_answers_do_not_depend_on_the_batch():
    model, pixels = _model(), torch.from_numpy(_pixels(moments=20))
    with torch.no_grad():
        alone = torch.cat([model(pixels[place : place + 1]).logits for place in range(6)])
        assert torch.allclose(alone, model(pixels).logits, atol=1e-5)


def test_blocks_heads_and_neurons_are_cut_by_what_they_matter():
    model = _model()
    pictures = Pictures(_pixels(moments=20), np.arange(6, dtype=np.int64) % 5, 5)
    with torch.no_grad():  # block 1 does nothing: it is the first to go
        for name in ("attention_out", "ffn_out"):
            layer = getattr(model.blocks[1], name)
            layer.weight.zero_()
            layer.bias.zero_()
    assert least_needed_blocks(model, pictures, count=1, device=DEVICE) == (1,)
    cut = keep_blocks(model, [0, 2])
    importance = unit_importance(cut, pictures, loss=picture_label_loss, device=DEVICE)
    small = narrow(cut, importance, heads=0.5, ffn=0.5)
    assert (small.shape.heads, small.shape.ffn) == ((1, 1), (64, 64))
    pixels = torch.from_numpy(_pixels(moments=20))
    with torch.no_grad():
        assert torch.allclose(cut(pixels).logits, model(pixels).logits, atol=1e-5)


def test_a_packaged_whisper_becomes_the_same_encoder(checkpoint, tmp_path):
    whole = WhisperForConditionalGeneration.from_pretrained(checkpoint)
    write_encoder(ctranslate2_file(whisper_variables(whole, np.float32)), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    encoder = WhisperEncoder(WhisperConfig(**config)).eval()
    tensors = {
        name.removeprefix("encoder."): value for name, value in load_file(tmp_path / "model.safetensors").items()
    }
    missing = encoder.load_state_dict(tensors, strict=False)
    assert missing.missing_keys == missing.unexpected_keys == []
    features = torch.randn(2, 16, 40)
    with torch.no_grad():
        expected = whole.model.encoder.eval()(features).last_hidden_state
        assert (encoder(features).last_hidden_state - expected).abs().max() < 1e-5


def test_a_teacher_begins_with_a_probe_that_listens_to_what_sounds():
    model = _model()
    pixels = np.zeros((80, 16, 20, 1), np.uint8)
    dice, truth = np.random.default_rng(0), np.arange(80, dtype=np.int64) % 2
    for row, label in enumerate(truth):  # low or high, in the first half; silence follows
        rows = slice(0, 8) if label else slice(8, 16)
        pixels[row, rows, :10, 0] = dice.integers(100, 255, (8, 10))
    before = picture_logits(model, Pictures(pixels, truth, 5), device=DEVICE)
    begin_with_probe(model, Pictures(pixels, truth, 5), seed=0)
    found = picture_logits(model, Pictures(pixels, truth, 5), device=DEVICE)
    assert (found.argmax(1) == truth).mean() > 0.95 > (before.argmax(1) == truth).mean()
    with torch.no_grad():
        x = model.embed(torch.from_numpy(pixels[:4]))
        for block in range(model.shape.layers):
            x = model.run_block(block, x)
        weights = model.listen(model.norm(x)).softmax(1)[..., 0]
    assert weights[:, :5].sum(1).min() > 0.9
    assert sounding(torch.from_numpy(pixels[:1]), 10)[0].tolist() == [1.0] * 5 + [0.0] * 5


def test_weights_in_integers_are_refused(checkpoint, tmp_path):
    whole = WhisperForConditionalGeneration.from_pretrained(checkpoint)
    with pytest.raises(ModelError, match="not the weights of Whisper"):
        write_encoder(ctranslate2_file(whisper_variables(whole, np.int8)), tmp_path)


@given(st.binary(max_size=200))
def test_bytes_are_variables_or_an_error(content):
    for made in (content, struct.pack("<I", 6) + content):
        try:
            read_variables(made)
        except ModelError:
            continue
