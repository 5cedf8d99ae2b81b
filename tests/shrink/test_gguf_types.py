"""Bits go where a byte buys most."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from penjing.shrink.gguf_types import Option, choose_types, hull

options = st.lists(st.builds(Option, st.just("T"), st.integers(1, 1000), st.floats(0, 100)), min_size=1, max_size=6)


@given(st.dictionaries(st.text(min_size=1, max_size=3), options, min_size=1, max_size=6), st.integers(0, 4000))
def test_the_choice_fits_where_anything_does(tables, size):
    chosen = choose_types(tables, size_bytes=size)
    least = sum(min(option.size_bytes for option in table) for table in tables.values())
    assert sum(option.size_bytes for option in chosen.values()) <= max(size, least)
    assert all(chosen[name] in table for name, table in tables.items())


@given(options)
def test_a_hull_costs_less_and_less_for_each_byte(table):
    kept = hull(table)
    slopes = [(b.cost - a.cost) / (b.size_bytes - a.size_bytes) for a, b in itertools.pairwise(kept)]
    assert all(slope < 0 for slope in slopes)
    assert slopes == sorted(slopes)


@given(st.dictionaries(st.text(min_size=1, max_size=3), options, min_size=1, max_size=5), st.integers(0, 3000))
def test_more_room_never_costs_more(tables, size):
    less, more = (
        sum(option.cost for option in choose_types(tables, size_bytes=room).values()) for room in (size, 10**6)
    )
    assert more <= less
