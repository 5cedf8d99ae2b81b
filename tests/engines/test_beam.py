"""The search against all translations that there are, on models small enough to list them."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.engines.translate import Search
from penjing.engines.translate.beam import beam_search, log_softmax

PIECES, END, MOST = 4, 3, 3


class Bigrams:
    """A model whose next piece depends on the source and on the piece before."""

    def __init__(self, tables: np.ndarray) -> None:
        self.tables = np.stack([log_softmax(table) for table in tables])
        self.sources = np.arange(len(tables))

    def step(self, pieces, parents):
        self.sources = self.sources[parents]
        return self.tables[self.sources, pieces]


def every_translation(table):
    """Yield the pieces and the mean log probability of all translations that end."""
    for length in range(MOST + 1):
        for pieces in product(range(END), repeat=length):
            path = [0, *pieces, END]
            total = sum(table[before, after] for before, after in pairwise(path))
            yield pieces, total / (length + 1)


@given(seed=st.integers(0, 10_000), sources=st.integers(1, 3))
def test_a_wide_beam_finds_the_best_translation_of_all(seed, sources):
    model = Bigrams(np.random.default_rng(seed).normal(size=(sources, PIECES, PIECES)))
    tables = model.tables
    wide = Search(beam=64, hypotheses=64)
    found = beam_search(model.step, begin=[0], end=END, most=[MOST] * sources, search=wide)
    for table, hypotheses in zip(tables, found, strict=True):
        pieces, score = max(every_translation(table), key=lambda one: one[1])
        ended = [one for one in hypotheses if one.ended]
        if len(pieces) < MOST:
            assert ended[0].pieces == pieces
            assert ended[0].score == pytest.approx(score, abs=1e-5)


@given(seed=st.integers(0, 10_000))
def test_greedy_takes_the_most_probable_piece_and_stops_at_the_longest(seed):
    model = Bigrams(np.random.default_rng(seed).normal(size=(2, PIECES, PIECES)))
    tables = model.tables
    found = beam_search(model.step, begin=[1, 0], end=END, most=[MOST, 1], search=Search())
    for table, hypotheses, most in zip(tables, found, (MOST, 1), strict=True):
        path, before = [], 0
        while len(path) < most and (after := int(table[before].argmax())) != END:
            path.append(after)
            before = after
        assert hypotheses[0].pieces == tuple(path)
        assert hypotheses[0].ended == (len(path) < most)


@given(seed=st.integers(0, 10_000), beam=st.integers(1, 4))
def test_no_pieces_in_a_row_come_twice_where_that_is_asked(seed, beam):
    model = Bigrams(np.random.default_rng(seed).normal(size=(1, PIECES, PIECES)))
    search = Search(beam=beam, hypotheses=beam, no_repeat=2)
    for one in beam_search(model.step, begin=[0], end=END, most=[12], search=search)[0]:
        pairs = list(pairwise(one.pieces))
        assert len(pairs) == len(set(pairs))
