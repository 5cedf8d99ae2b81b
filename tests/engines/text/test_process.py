"""An engine in a process of its own: it is ended when it hangs, started again when it died, and told when to stop."""

import sys
from pathlib import Path

import pytest

from penjing.engines.text.base import Chunk, Message, Sampling, TextRequest, Usage
from penjing.engines.text.process import ProcessEngine
from penjing.errors import EngineError

FAKE = Path(__file__).with_name("fake_worker.py")
REQUEST = TextRequest((Message("user", "hi"),), "", 1, Sampling(9, 0.0, 1.0, None, None, (), None))


def engine(mode, *, answer_timeout_s=20.0):
    command = [sys.executable, "-I", "-S", str(FAKE), mode]
    return ProcessEngine("fake", command, threads=1, answer_timeout_s=answer_timeout_s)


def test_pieces_and_usage_arrive():
    found = engine("good")
    assert list(found.stream(REQUEST)) == [Chunk(0, "one"), Chunk(0, " two", "stop"), Usage(1, 2)]
    assert len(list(found.stream(REQUEST))) == 3
    found.close()


def test_a_model_that_cannot_be_loaded_is_the_engines_own_error():
    with pytest.raises(EngineError, match=r"cannot load the model: 'x.gguf'"):
        engine("refuses")


def test_a_hung_engine_is_ended_and_the_next_request_starts_another():
    found = engine("hangs", answer_timeout_s=0.2)
    first = found._child
    with pytest.raises(EngineError, match=r"the process of fake does not answer. Rule: within 0.2 s"):
        list(found.stream(REQUEST))
    assert first._process.returncode == -9
    stream = found.stream(REQUEST)
    assert next(stream) == Chunk(0, "one")
    stream.close()
    found.close()


def test_an_engine_that_dies_says_its_last_words():
    found = engine("dies")
    with pytest.raises(EngineError, match=r"ended with code 9: 'out of memory'"):
        list(found.stream(REQUEST))
    found.close()


def test_an_engine_that_was_ended_while_it_was_idle_is_started_again():
    found = engine("good")
    found._child._process.kill()
    found._child._process.wait()
    assert len(list(found.stream(REQUEST))) == 3
    found.close()


def test_an_engine_that_refuses_a_request_goes_on():
    found = engine("fails")
    for _ in range(2):
        with pytest.raises(EngineError, match=r"longer than the context"):
            list(found.stream(REQUEST))
    assert found._child._process.poll() is None
    found.close()


def test_closing_early_tells_the_engine_to_stop():
    found = engine("hangs")
    stream = found.stream(REQUEST)
    assert next(stream) == Chunk(0, "one")
    stream.close()
    assert found._child._process.poll() is None
    found.close()


def test_a_second_answer_at_once_is_refused_and_the_first_goes_on():
    found = engine("good")
    first = found.stream(REQUEST)
    assert next(first) == Chunk(0, "one")
    with pytest.raises(EngineError, match=r"still at another answer"):
        next(found.stream(REQUEST))
    with pytest.raises(EngineError, match=r"still at another answer"):
        found.peak_memory()
    assert len(list(first)) == 2
    assert len(list(found.stream(REQUEST))) == 3
    found.close()
