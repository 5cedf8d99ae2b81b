"""What can be asked, and what is refused before a model is asked."""

import pytest

from penjing.engines.text.base import Message
from penjing.errors import TaskError
from penjing.generation.request import make_request

ANY = {"format": "chat", "system": None, "max_tokens": 5, "n": 1, "stop": None, "temperature": 1.0} | dict.fromkeys(
    ("top_k", "seed", "schema")
)
ANY["top_p"] = 1.0


def request(prompt="hi", **values):
    return make_request(prompt, **{**ANY, **values})


def test_a_text_is_one_turn_of_the_user():
    assert request("hi", system="Be brief.").messages == (Message("system", "Be brief."), Message("user", "hi"))


def test_messages_come_as_mappings_or_records():
    found = request([{"role": "user", "content": "a"}, Message("assistant", "b")])
    assert found.messages == (Message("user", "a"), Message("assistant", "b"))


def test_a_plain_prompt_is_continued():
    found = request("1, 2,", format="plain")
    assert (found.messages, found.prompt) == ((), "1, 2,")


@pytest.mark.parametrize("stop", ["\n", ["\n", "END"], ("。",)])
def test_stops_are_a_text_or_several(stop):
    assert request(stop=stop).sampling.stop == ((stop,) if isinstance(stop, str) else tuple(stop))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stop": 7}, r"`stop` is not what ends an answer: '7 \(int\)'"),
        ({"stop": ["a", 7]}, "`stop` is not what ends an answer"),
        ({"stop": ""}, "none empty"),
        ({"stop": ["x"] * 17}, "up to 16"),
        ({"stop": {"a": 1}}, "`stop` is not what ends an answer"),
        ({"max_tokens": 0}, "`max_tokens` is out of range"),
        ({"max_tokens": 2.5}, "a whole number"),
        ({"max_tokens": True}, "a whole number"),
        ({"n": 0}, "`n` is out of range"),
        ({"temperature": -1}, "`temperature` is out of range"),
        ({"temperature": float("nan")}, "`temperature` is out of range"),
        ({"top_p": 1.5}, "`top_p` is out of range"),
        ({"top_k": 0}, "`top_k` is out of range"),
        ({"seed": -1}, "`seed` is out of range"),
        ({"schema": "{}"}, "`schema` is of the wrong type"),
        ({"prompt": 3}, "`prompt` is of the wrong type"),
        ({"prompt": []}, "`prompt` is of the wrong type"),
        ({"prompt": [{"role": "robot", "content": "x"}]}, "a message is not one"),
        ({"prompt": [{"role": "user", "content": 3}]}, "`content` is of the wrong type"),
        ({"prompt": [{"role": "user", "content": "x"}], "format": "plain"}, "a plain prompt is one text"),
        ({"system": "x", "format": "plain"}, "a plain prompt is one text"),
    ],
)
def test_a_wrong_value_is_named(values, message):
    with pytest.raises(TaskError, match=message):
        request(**{"prompt": "hi", **values})
