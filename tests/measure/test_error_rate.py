"""Error rates of transcripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.measure.error_rate import edit_distance, error_rate, spoken

WORDS = st.lists(st.sampled_from("abc"), max_size=8)


@given(WORDS, WORDS, WORDS)
def test_the_distance_is_one(one, other, third):
    assert edit_distance(one, one) == 0
    assert edit_distance(one, other) == edit_distance(other, one)
    assert abs(len(one) - len(other)) <= edit_distance(one, other) <= max(len(one), len(other))
    assert edit_distance(one, third) <= edit_distance(one, other) + edit_distance(other, third)


def test_words_are_compared_without_case_and_punctuation():
    found = error_rate(["Turn LEFT, now!", "It's a well-known fact."], ["turn left now", "its a well known fact"])
    assert (found.errors, found.units, found.n) == (1, 8, 2)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_characters_are_for_languages_without_spaces():
    found = error_rate(["我们 开始吧。"], ["我们开始啊"], unit="character")
    assert (found.errors, found.units) == (1, 5)


def test_a_width_or_a_curled_quote_is_no_error():
    assert spoken("Ｉt’s “fine”") == "it's fine"


@pytest.mark.parametrize(("said", "found"), [([], []), (["a"], []), (["..."], ["a"])])
def test_nothing_to_count_is_refused(said, found):
    with pytest.raises(ValueError, match=r"references|no reference"):
        error_rate(said, found)
