"""Remote models: a good server is used whole, a bad one is one clear line, and nothing hangs."""

import pytest

import penjing
from penjing.engines.text.remote import Remote
from penjing.errors import EngineError, TaskError
from penjing.generation.model import TextModel


def remote(name, *, answer_timeout_s=10.0, retries=0):
    engine = Remote(name, answer_timeout_s=answer_timeout_s, retries=retries)
    return TextModel(f"openai:{name}", engine, "chat")


def test_one_call_answers_with_tokens_counted(server):
    found = penjing.generate_text("Say hello", model="openai:good", max_tokens=7, stop="\n", temperature=0, seed=3)
    assert (found.text, found.answers[0].finish_reason) == ("Hello, world.", "length")
    assert (found.prompt_tokens, found.completion_tokens, found.engine) == (5, 3, "remote")
    path, body, headers = server.seen[0]
    assert path == "/v1/chat/completions"
    assert body["messages"] == [{"role": "user", "content": "Say hello"}]
    assert (body["max_tokens"], body["stop"], body["temperature"], body["seed"]) == (7, ["\n"], 0, 3)
    assert headers["authorization"] == "Bearer sk-test"


def test_a_plain_prompt_goes_to_the_legacy_route(server):
    found = penjing.generate_text("1, 2,", model="openai:good", format="plain", n=2, top_k=9)
    assert found.texts == ["Hello, world."] * 2
    path, body, _ = server.seen[0]
    assert (path, body["prompt"], body["top_k"]) == ("/v1/completions", "1, 2,", 9)


def test_pieces_come_as_they_are_sent(server):
    assert list(penjing.stream_text("盆景?", model="openai:chinese")) == ["盆", "景", " is an art."]


def test_a_schema_is_passed_on(server):
    schema = {"type": "object"}
    penjing.generate_text("x", model="openai:good", schema=schema)
    assert server.seen[0][1]["response_format"]["json_schema"]["schema"] == schema
    with pytest.raises(EngineError, match=r"only a conversation"):
        penjing.generate_text("x", model="openai:good", schema=schema, format="plain")


def test_a_busy_server_is_asked_again(server):
    with remote("busy", retries=3) as model:
        assert model.generate("x").text == "Hello, world."
    assert len(server.seen) == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("html", "sent no answer|does not speak OpenAI's API"),
        ("down", "refuses the request: '502"),
        ("locked", "refuses the request: '401 .*wrong key.*Check OPENAI_API_KEY"),
        ("drops", "broke off: 'after 7 characters'"),
        ("unfinished", "broke off: 'after 13 characters'"),
        ("garbage", "does not speak OpenAI's API"),
        ("fails", "the remote model failed: 'out of memory'"),
    ],
)
def test_a_bad_server_is_one_clear_line(server, name, message):
    with remote(name) as model, pytest.raises(EngineError, match=message) as caught:
        model.generate("x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["silent", "stalls"])
def test_a_server_that_falls_silent_is_given_up(server, name):
    with (
        remote(name, answer_timeout_s=0.2) as model,
        pytest.raises(EngineError, match=r"does not answer.*within 0.2 s"),
    ):
        model.generate("x")


def test_a_model_that_knows_the_limit_by_its_newer_name_is_asked_with_it(server):
    with remote("newer") as model:
        assert model.generate("x", max_tokens=7, temperature=1).text == "Hello, world."
        assert model.generate("x", max_tokens=8, temperature=1).text == "Hello, world."
        assert model.generate("x", max_tokens=9, format="plain").text == "Hello, world."
    assert [body.get("max_completion_tokens") for _, body, _ in server.seen] == [None, 7, 8, None]


def test_a_model_that_takes_one_temperature_is_said(server):
    with remote("newer") as model, pytest.raises(EngineError, match=r"Ask with temperature 1"):
        model.generate("x", temperature=0.7)


def test_how_often_a_silent_server_was_asked_is_said(server):
    with (
        remote("silent", answer_timeout_s=0.1, retries=1) as model,
        pytest.raises(EngineError, match=r"within 0.1 s, asked 2 times"),
    ):
        model.generate("x")
    with (
        remote("stalls", answer_timeout_s=0.1, retries=1) as model,
        pytest.raises(EngineError, match=r"within 0.1 s\.$"),
    ):
        model.generate("x")


def test_a_server_that_is_not_there_is_said(server, monkeypatch):
    server.server_close()
    with remote("good") as model, pytest.raises(EngineError, match=r"cannot be reached.*Check OPENAI_BASE_URL"):
        model.generate("x")


def test_without_a_key_the_next_step_is_named(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(EngineError, match=r"OPENAI_API_KEY is set"):
        penjing.generate_text("x", model="openai:good")


def test_a_wrong_argument_is_named_before_the_server_is_asked(server):
    with pytest.raises(TaskError, match=r"`stop`"):
        penjing.generate_text("x", model="openai:good", stop=7)
    assert not server.seen
