import math

from hypothesis import given
from hypothesis import strategies as st

from penjing.search.lessons import lesson_count, real_rows


def test_a_teacher_without_time_answers_only_some_of_the_training_texts():
    assert lesson_count(13_891, affordable=1_920) == 1_920
    assert lesson_count(13_891, affordable=3) == 500
    assert lesson_count(200, affordable=3) == 200


def test_with_time_there_are_changed_copies():
    assert lesson_count(6_920, affordable=math.inf) == 6 * 6_920
    assert lesson_count(100, affordable=math.inf) == 9 * 100


@given(st.integers(1, 100_000), st.floats(0, 1e6))
def test_the_texts_are_whole_copies_or_fewer_than_the_training_texts(train, affordable):
    found = lesson_count(train, affordable=affordable)
    assert 0 < found <= 9 * train
    assert found <= train or found % train == 0


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 200), st.integers(0, 5))
def test_training_texts_come_before_unlabelled_ones(train, more, count, seed):
    rows = real_rows(train=train, texts=train + more, count=count, seed=seed).tolist()
    assert len(set(rows)) == len(rows) == min(count, train + more)
    assert sum(row < train for row in rows) == min(count, train)
