import os
import sys
from pathlib import Path

import pytest

from penjing.errors import EngineError
from penjing.measure.process import Worker

FAKE = Path(__file__).with_name("fake_worker.py")


def fake(seconds=0.001, *mode):
    return [sys.executable, "-I", "-S", str(FAKE), str(seconds), *map(str, mode)]


def alive(process):
    return process.poll() is None


def test_a_worker_answers_and_is_ended():
    with Worker(fake(0.5), threads=1) as worker:
        found = worker.ask(op="time", texts=["a", "很好", "c"], batch_size=2)
        assert found == {"total_s": [0.5, 0.5], "engine_s": [0.25, 0.25]}
        assert alive(worker._process)
    assert worker._process.returncode == 0


def test_threads_are_pinned_in_the_environment_of_the_worker_alone():
    code = "import json, os; print(json.dumps({k: v for k, v in os.environ.items() if k.endswith('_THREADS')}))"
    before = dict(os.environ)
    worker = Worker([sys.executable, "-c", code], threads=3)
    pinned = worker._read()
    worker.stop()
    assert {name: pinned[name] for name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS")} == {
        "OMP_NUM_THREADS": "3",
        "RAYON_NUM_THREADS": "3",
    }
    assert dict(os.environ) == before


def test_what_a_library_prints_is_not_taken_for_an_answer():
    with Worker(fake(0.5, "noisy"), threads=1) as worker:
        assert worker.ask(op="memory") == {"peak_bytes": 1000}


def test_a_failed_request_is_an_error_and_the_worker_goes_on():
    with Worker(fake(), threads=1) as worker:
        with pytest.raises(EngineError, match="the measured system failed: 'cannot sing'"):
            worker.ask(op="sing")
        assert worker.ask(op="memory") == {"peak_bytes": 1000}


def test_a_dead_worker_is_an_error_with_its_last_words():
    with Worker(fake(0.5, "dies"), threads=1) as worker:
        worker.ask(op="memory")
        worker.ask(op="memory")
        with pytest.raises(EngineError, match="ended with code 7: 'out of luck'"):
            worker.ask(op="memory")
        with pytest.raises(EngineError, match="ended with code 7"):
            worker.ask(op="memory")


def test_a_worker_that_refuses_is_ended():
    worker = Worker(fake(0.5, "refuses"), threads=1)
    with pytest.raises(EngineError, match="no such model"):
        worker.__enter__()
    assert not alive(worker._process)


def test_a_worker_that_does_not_answer_is_killed(monkeypatch):
    monkeypatch.setattr("penjing.child._STOP_TIMEOUT_S", 0.1)
    worker = Worker(fake(0.5, "deaf"), threads=1, answer_timeout_s=10).__enter__()
    worker._answer_timeout_s = 0.05
    with pytest.raises(EngineError, match=r"does not answer. Rule: within 0.05 s"):
        worker.ask(op="memory")
    worker.stop()
    assert worker._process.returncode == -9


def test_a_program_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(EngineError, match="cannot be started"):
        Worker([str(tmp_path / "nothing")], threads=1)


def test_a_worker_is_ended_when_the_work_with_it_fails():
    with pytest.raises(KeyboardInterrupt), Worker(fake(), threads=1) as worker:
        raise KeyboardInterrupt
    assert not alive(worker._process)
