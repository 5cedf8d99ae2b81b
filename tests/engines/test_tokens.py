import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from penjing.engines.tokens import TokenEncoder
from penjing.errors import EngineError
from tests.small import MAX_LENGTH, WORDS, write_tokenizer


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    path = write_tokenizer(tmp_path_factory.mktemp("tokenizer") / "tokenizer.json")
    return TokenEncoder(path, max_length=MAX_LENGTH, pad_id=0)


def test_pads_to_the_longest_text_of_the_batch(encoder):
    batch = encoder.encode(["good film", "bad"])
    assert batch["input_ids"].tolist() == [
        [WORDS.index("good"), WORDS.index("film")],
        [WORDS.index("bad"), 0],
    ]
    assert batch["attention_mask"].tolist() == [[1, 1], [1, 0]]
    assert {array.dtype for array in batch.values()} == {np.dtype(np.int64)}


def test_cuts_to_the_maximum(encoder):
    assert encoder.encode(["good " * 100])["input_ids"].shape == (1, MAX_LENGTH)


def test_padding_and_truncation_stored_in_the_file_are_ignored(tmp_path):
    path = write_tokenizer(tmp_path / "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_padding(length=12)
    tokenizer.enable_truncation(3)
    tokenizer.save(str(path))
    batch = TokenEncoder(path, max_length=MAX_LENGTH, pad_id=0).encode(["good", "good " * 5])
    assert batch["input_ids"].shape == (2, 5)


def test_a_damaged_tokenizer_is_an_engine_error(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(EngineError, match=r"tokenizer\.json"):
        TokenEncoder(path, max_length=8, pad_id=0)


@given(st.lists(st.text(max_size=40), max_size=12))
def test_each_row_is_what_the_text_gives_alone(encoder, texts):
    batch = encoder.encode(texts)
    assert len(batch["input_ids"]) == len(encoder.lengths(texts)) == len(texts)
    for ids, mask, text in zip(batch["input_ids"], batch["attention_mask"], texts, strict=True):
        alone = encoder.encode([text])["input_ids"][0]
        assert ids[mask == 1].tolist() == alone.tolist()
        assert (ids[mask == 0] == 0).all()
