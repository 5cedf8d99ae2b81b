import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.errors import TaskError
from penjing.records import Interval, Latency, Quality, Trial
from penjing.search.frontier import frontier, read_trials


def trial(name, quality, size, p50=None, failed=None):
    ci = Interval(low=quality - 0.01, high=quality + 0.01)
    latency = None
    if p50 is not None:
        latency = Latency(
            p50_s=p50, p50_ci=Interval(low=p50, high=p50), p95_s=p50, engine_p50_s=p50, n=1, batch_size=1, threads=2
        )
    measured = Quality(metric="accuracy", value=quality, ci=ci, n=100, split="dev")
    return Trial(
        name=name, role="candidate", recipe=(), engine="onnxruntime", quality=measured, size_bytes=size,
        latency=latency, failed=failed,
    )  # fmt: skip


def test_what_another_beats_is_left_out():
    trials = [trial("a", 0.9, 10, 0.3), trial("b", 0.8, 20, 0.1), trial("c", 0.95, 30), trial("d", 0.99, 5, failed="x")]
    assert [t.name for t in frontier(trials, cost="size")] == ["a", "c"]
    assert [t.name for t in frontier(trials, cost="latency")] == ["b", "a"]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), max_size=12))
def test_every_trial_is_on_the_frontier_or_beaten_by_one_that_is(rows):
    trials = [trial(str(index), quality / 20, size) for index, (quality, size) in enumerate(rows)]
    kept = frontier(trials, cost="size")
    costs = [t.cost("size") for t in kept]
    assert costs == sorted(set(costs))
    for other in trials:
        assert any(t.quality.value >= other.quality.value and t.size_bytes <= other.size_bytes for t in kept)


def test_the_journal_is_read_back(tmp_path):
    trials = (trial("a", 0.9, 10), trial("b", 0.8, 20, 0.1))
    (tmp_path / "trials.jsonl").write_text("".join(f"{t.model_dump_json()}\n" for t in trials), encoding="utf-8")
    assert read_trials(tmp_path) == trials


@pytest.mark.parametrize(("content", "message"), [(None, "no finished run"), (b"{}\n", "damaged"), (b"\xff", "read")])
def test_a_journal_that_is_none_is_an_error_of_one_line(content, message, tmp_path):
    if content is not None:
        (tmp_path / "trials.jsonl").write_bytes(content)
    with pytest.raises(TaskError, match=message):
        read_trials(tmp_path)
