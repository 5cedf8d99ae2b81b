import json

import pytest

from penjing.errors import DataError
from penjing.measure.latency import measure_systems, speed_up
from penjing.records import Interval, Latency
from tests.measure.test_process import fake

TEXTS = [f"text {number}" for number in range(50)]


def measured(commands, texts=TEXTS, *, rounds=2, block=5, **options):
    return measure_systems(commands, texts, threads=1, rounds=rounds, block=block, **options)


def test_the_figures_of_two_systems():
    found = measured({"slow": fake(0.02), "fast": fake(0.01)}, batch_size=2)
    assert list(found) == ["slow", "fast"]
    slow, fast = found["slow"].latency, found["fast"].latency
    assert (slow.p50_s, slow.p95_s, slow.engine_p50_s) == pytest.approx((0.02, 0.02, 0.01))
    assert (slow.n, slow.batch_size, slow.threads) == (10, 2, 1)
    assert (slow.p50_ci.low, slow.p50_ci.high) == pytest.approx((0.02, 0.02))
    assert found["slow"].throughput_per_s == pytest.approx(32 / 0.02)
    assert found["slow"].memory_bytes == 1000
    assert speed_up(slow, fast) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (fake(0.01, "dies"), "ended with code 7: 'out of luck'"),
        (fake(0.01, "refuses"), "no such model"),
        (fake(0.01, "short"), "has no 'engine_s'"),
        (["/nowhere/to/be/found"], "cannot be started"),
    ],
)
def test_a_system_that_fails_does_not_stop_the_others(command, why):
    found = measured({"bad": command, "good": fake(0.01)})
    assert why in found["bad"].failed
    assert (found["bad"].latency, found["bad"].memory_bytes, found["bad"].throughput_per_s) == (
        None,
        None,
        None,
    )
    assert found["good"].failed is None
    assert found["good"].latency.n == 10


def test_a_system_that_failed_is_not_asked_again(tmp_path):
    log = tmp_path / "log"
    measured({"bad": fake(0.01, "short", log)}, rounds=4)
    assert len(asked(log)) == 2  # the warm-up and the first block


def asked(log):
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def turns(log):
    """The systems in the order in which they were timed: a turn begins with the warm-up."""
    return [name for name, texts, _ in asked(log) if len(texts) == 5]


def echoing(log, *names):
    return {str(name): fake(name, "echo", log) for name in names}


def test_systems_take_turns_in_an_order_shuffled_by_the_seed(tmp_path):
    logs = [tmp_path / name for name in ("first", "again", "other")]
    for log, seed in zip(logs, (1, 1, 2), strict=True):
        measured(echoing(log, 1.0, 2.0, 3.0), rounds=6, block=7, seed=seed)
    first, again, other = map(turns, logs)
    rounds = [tuple(first[start : start + 3]) for start in range(0, 18, 3)]
    assert all(sorted(one) == ["1.0", "2.0", "3.0"] for one in rounds)
    assert len(set(rounds)) > 1
    assert first == again != other


def test_every_system_gets_the_same_texts_with_a_warm_up_first(tmp_path):
    log = tmp_path / "log"
    measured(echoing(log, 1.0, 2.0), rounds=3, block=8, batch_size=2)
    by_system = {name: [row[1:] for row in asked(log) if row[0] == name] for name in ("1.0", "2.0")}
    assert by_system["1.0"] == by_system["2.0"]
    for warm_up, timed, many in zip(*(iter(by_system["1.0"]),) * 3, strict=True):
        assert warm_up == [timed[0][:10], 2]
        assert (len(timed[0]), len(set(timed[0])), timed[1]) == (16, 16, 2)
        assert (len(many[0]), many[1]) == (64, 32)


def test_few_texts_are_used_again(tmp_path):
    assert measured({"one": fake()}, texts=["a", "b"], block=5)["one"].latency.n == 10


def test_no_text_is_an_error():
    with pytest.raises(DataError, match="no texts to measure with"):
        measured({"one": fake()}, texts=[])


def test_progress_goes_up_to_the_end():
    seen = []
    measured({"one": fake(), "two": fake()}, rounds=3, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 6) for done in range(1, 7)]


def test_one_run_is_not_enough():
    assert measured({"one": fake()}, rounds=1, block=1)["one"].failed == "not enough runs"


def latency(p50, low, high):
    return Latency(
        p50_s=p50,
        p50_ci=Interval(low=low, high=high),
        p95_s=p50,
        engine_p50_s=p50,
        n=9,
        batch_size=1,
        threads=1,
    )


def test_no_speed_up_is_claimed_where_intervals_overlap():
    slow, close, fast = latency(3.0, 2.5, 3.5), latency(2.4, 2.0, 2.5), latency(1.0, 0.9, 1.1)
    assert speed_up(slow, fast) == 3.0
    assert speed_up(slow, close) is None
    assert speed_up(fast, slow) is None
