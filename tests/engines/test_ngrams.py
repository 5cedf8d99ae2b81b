import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.engines.ngrams import NgramEncoder

ENCODER = NgramEncoder(buckets=2**12)
EXPECTED_BUCKETS = [5, 9, 26, 53, 56, 61]


def rows(batch):
    ends = batch["indptr"]
    return [
        dict(zip(batch["indices"][a:b].tolist(), batch["values"][a:b].tolist(), strict=True)) for a, b in pairwise(ends)
    ]


def test_buckets_are_the_same_on_every_machine():
    found = NgramEncoder(buckets=64, characters=(1, 2), words=(1,)).encode(["a b"])
    np.testing.assert_array_equal(found["indices"], EXPECTED_BUCKETS)


def test_case_and_width_do_not_count():
    plain, wide = ENCODER.encode(["good film"]), ENCODER.encode(["ＧＯＯＤ   Film"])
    np.testing.assert_array_equal(plain["indices"], wide["indices"])


def test_order_of_characters_counts():
    assert rows(ENCODER.encode(["ab"])) != rows(ENCODER.encode(["ba"]))


def test_words_and_characters_are_hashed_apart():
    both = NgramEncoder(buckets=2**18, characters=(1,), words=(1,)).encode(["a"])
    assert len(both["indices"]) == 2


def test_an_empty_text_is_an_empty_row():
    assert ENCODER.encode(["", "a", " "])["indptr"].tolist()[:2] == [0, 0]
    assert ENCODER.encode([])["indptr"].tolist() == [0]


def test_the_settings_make_the_same_encoder():
    other = NgramEncoder(buckets=128, characters=(2, 3), words=())
    assert NgramEncoder.from_settings(other.settings()) == other


@given(st.lists(st.text(max_size=60), max_size=8))
def test_rows_have_length_one_and_do_not_depend_on_the_batch(texts):
    together = rows(ENCODER.encode(texts))
    assert together == [rows(ENCODER.encode([text]))[0] for text in texts]
    for row, text in zip(together, texts, strict=True):
        seen = unicodedata.normalize("NFKC", text).split()
        assert sum(value**2 for value in row.values()) == (pytest.approx(1, abs=1e-5) if seen else 0)
        assert all(0 <= bucket < ENCODER.buckets for bucket in row)
