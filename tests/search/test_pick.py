import shutil
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.errors import BundleError, TaskError
from penjing.search.pick import Condition, parse_conditions, pick_trial, write_pick
from tests.search.test_frontier import trial


@given(st.integers(1, 10**9), st.integers(1, 10**6), st.sampled_from("<>"))
def test_conditions_are_read_back(size, microseconds, sign):
    found = parse_conditions(f" size{sign}{size} B ,latency <{microseconds}us")
    assert found[0] == Condition("size", sign, size)
    assert found[1].limit == pytest.approx(microseconds * 1e-6)


@given(st.text(max_size=60))
def test_what_is_no_condition_is_an_error_of_one_kind(text):
    with suppress(TaskError):
        assert parse_conditions(text)


@pytest.mark.parametrize(
    "text", ["", "size<5", "size=5MB", "speed<5ms", "quality>high", "size<5MB,", "size<" + "9" * 300]
)
def test_wrong_conditions(text):
    with pytest.raises(TaskError):
        parse_conditions(text)


def test_the_best_that_fulfils_all_is_picked():
    trials = [
        trial("small", 0.80, 10, 0.3),
        trial("middle", 0.90, 20, 0.2),
        trial("as good", 0.90, 15, 0.2),
        trial("large", 0.95, 30, 0.1),
        trial("failed", 0.99, 5, 0.1, failed="x"),
        trial("not timed", 0.97, 5),
    ]
    assert pick_trial(trials, parse_conditions("size<25B,latency<1s")).name == "as good"
    assert pick_trial(trials, parse_conditions("quality>0.94,latency<1s")).name == "large"
    other = trial("other", 0.85, 12, 0.3).model_copy(update={"engine": "ctranslate2"})
    assert pick_trial([*trials, other], parse_conditions(" engine = ctranslate2 ,size<25B")).name == "other"
    with pytest.raises(TaskError, match="no trial"):
        pick_trial(trials, parse_conditions("size<12B,quality>0.85,latency<1s"))


def test_a_folder_outside_the_run_is_refused(tiny_bundle, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny_bundle, run / "bundle")
    shutil.copytree(tiny_bundle, tmp_path / "elsewhere")
    found = trial("a", 0.9, 10).model_copy(update={"bundle": "../elsewhere"})
    with pytest.raises(TaskError, match="not there"):
        write_pick(run, found, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_changed_files_are_refused(tiny_bundle, tmp_path):
    run = tmp_path / "run"
    for name in ("bundle", "stage"):
        shutil.copytree(tiny_bundle, run / name)
    model = run / "stage" / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"?")
    with pytest.raises(BundleError, match="changed"):
        write_pick(run, trial("a", 0.9, 10).model_copy(update={"bundle": "stage"}), tmp_path / "made")
