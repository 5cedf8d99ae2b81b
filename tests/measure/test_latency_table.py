import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.errors import DataError
from penjing.measure.latency_table import Timing, buckets_of, fit_table, typical_length

WIDTHS = ((12, 768), (8, 384))


def timings(fixed, blocks, noise=()):
    """Times of models of 1 and 4 blocks: affine in the blocks, with some far too long."""
    found = []
    for depth in (1, 4):
        for width in WIDTHS:
            for bucket, seconds in enumerate(fixed):
                true = seconds + depth * blocks[width][bucket]
                found += [Timing(depth, *width, bucket, value) for value in (true, true, true, *noise)]
    return found


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0.1, 5), st.floats(0.1, 5)), min_size=1, max_size=4))
def test_what_is_affine_is_predicted_at_depths_that_were_not_timed(rows):
    fixed = [row[0] for row in rows]
    blocks = {width: [row[place + 1] for row in rows] for place, width in enumerate(WIDTHS)}
    table = fit_table(timings(fixed, blocks), lengths=range(10, 10 + len(rows)))
    for width in WIDTHS:
        for bucket, seconds in enumerate(fixed):
            found = table.predict(blocks=3, heads=width[0], ffn=width[1], length=10 + bucket)
            assert found == pytest.approx(seconds + 3 * blocks[width][bucket], abs=1e-6)


def test_single_slow_runs_do_not_count():
    blocks = {width: [1.0] for width in WIDTHS}
    table = fit_table(timings([2.0], blocks, noise=(500.0,)), lengths=[10])
    assert table.predict(blocks=2, heads=12, ffn=768, length=10) == pytest.approx(4.0)


def test_widths_that_were_not_timed_are_not_predicted():
    table = fit_table(timings([1.0], {width: [1.0] for width in WIDTHS}), lengths=[10])
    assert table.predict(blocks=2, heads=6, ffn=768, length=10) is None


def test_one_depth_is_too_few():
    with pytest.raises(DataError, match="too few"):
        fit_table([Timing(1, 12, 768, 0, 1.0), Timing(1, 12, 768, 0, 1.1)], lengths=[10])


@given(st.lists(st.integers(1, 2000), min_size=1))
def test_every_text_is_in_one_bucket_and_buckets_go_up(lengths):
    found = buckets_of(np.array(lengths))
    assert sorted(np.concatenate(found)) == list(range(len(lengths)))
    tops = [max(lengths[row] for row in rows) for rows in found]
    assert tops == sorted(set(tops))
    assert all(len(rows) for rows in found)


def test_the_longest_text_of_a_batch_counts():
    lengths = np.array([2] * 9 + [100])
    assert typical_length(lengths, batch_size=1, seed=0) == 2
    assert typical_length(lengths, batch_size=32, seed=0) == 100
