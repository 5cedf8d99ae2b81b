import io
import json
import sys

import numpy as np
import pytest

from penjing.bundle.worker import worker_command
from penjing.errors import EngineError
from penjing.measure.process import Worker
from penjing.measure.worker import peak_memory, refuse, serve, timed


class Lengths:
    """A system whose logits are the lengths of the texts."""

    def encode(self, texts):
        if "" in texts:
            raise ValueError("empty")
        print("encoding")  # noqa: T201
        return [len(text) for text in texts]

    def run(self, batch):
        return np.array([[length, -length] for length in batch], np.float32)


def conversation(*requests):
    answers = io.StringIO()
    serve(Lengths(), requests=io.StringIO("".join(json.dumps(r) + "\n" for r in requests)), answers=answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_a_conversation(capsys):
    ready, logits, unknown, failed, times = conversation(
        {"op": "logits", "texts": ["a", "很好"]},
        {"op": "sing"},
        {"op": "logits", "texts": [""]},
        {"op": "time", "texts": ["a", "b", "c"], "batch_size": 2},
        {"op": "stop"},
        {"op": "memory"},
    )
    assert ready == {"ready": True}
    assert logits == {"logits": [[1, -1], [2, -2]]}
    assert unknown == {"error": "unknown request 'sing'"}
    assert failed == {"error": "ValueError: empty"}
    assert len(times["total_s"]) == len(times["engine_s"]) == 2
    assert capsys.readouterr().out == ""  # what the system prints is not an answer


def test_the_engine_is_a_part_of_the_total():
    found = timed(Lengths(), ["a"] * 20, batch_size=1)
    assert all(0 < engine <= total for engine, total in zip(found["engine_s"], found["total_s"], strict=True))


def test_refusing_says_why():
    answers = io.StringIO()
    refuse(EngineError("no such engine", value="x"), answers=answers)
    assert json.loads(answers.getvalue()) == {"error": "no such engine: 'x'."}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says VmHWM")
def test_peak_memory_rises_with_what_is_held():
    before = peak_memory()
    held = np.ones(before // 8 + 2**22)
    assert peak_memory() >= before + 2**24
    assert held.sum() > 0


def test_a_bundle_answers_as_a_worker(tiny_bundle):
    from penjing.bundle.read import load

    texts = ["good film", "bad"]
    with Worker(worker_command(tiny_bundle, threads=1), threads=1) as worker:
        found = worker.ask(op="logits", texts=texts)["logits"]
        assert worker.ask(op="memory")["peak_bytes"] > 2**20
    assert np.array(found) == pytest.approx(load(tiny_bundle).logits(texts), abs=1e-6)


def test_a_bundle_that_cannot_be_loaded_says_why(tiny_bundle):
    worker = Worker(worker_command(tiny_bundle, threads=1, engine="linear"), threads=1)
    with pytest.raises(EngineError, match="this engine cannot run this bundle"):
        worker.__enter__()
