import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from penjing.data.dataset import Example
from penjing.tasks.classify import decisions, encode_labels

LABELS = ("a", "b", "c")


@given(st.lists(st.sampled_from(LABELS), min_size=1))
def test_single_labels_become_their_places(labels):
    found = encode_labels([Example("text", (label,)) for label in labels], LABELS, multi_label=False)
    assert [LABELS[place] for place in found] == labels


@given(st.lists(st.sets(st.sampled_from(LABELS)), min_size=1))
def test_multi_labels_become_columns(sets):
    found = encode_labels([Example("text", tuple(labels)) for labels in sets], LABELS, multi_label=True)
    assert found.shape == (len(sets), 3)
    assert found.dtype == bool
    assert [{label for label, given in zip(LABELS, row, strict=True) if given} for row in found] == sets


def test_a_decision_is_the_most_probable_label():
    assert decisions(np.array([[0.1, 0.2, -1], [3, -2, 1]]), multi_label=False).tolist() == [1, 0]


def test_multi_label_decisions_are_those_of_at_least_one_half():
    found = decisions(np.array([[0.0, -0.01, 5.0], [-1, -1, -1]]), multi_label=True)
    assert found.tolist() == [[True, False, True], [False, False, False]]
