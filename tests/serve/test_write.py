"""A model that writes over HTTP: OpenAI's own client, a real tiny model, and an engine that fails in every way."""

import asyncio
import json
import socket
import sys
from contextlib import aclosing, contextmanager
from pathlib import Path

import pytest

from penjing.child import Child
from penjing.engines.text.base import Chunk
from penjing.generation.request import make_request
from penjing.serve.metrics import Metrics
from penjing.serve.problems import Problem
from penjing.serve.services import named_sources, open_service
from penjing.serve.settings import Limits
from penjing.serve.writer import Writer
from tests.serve.running import running, services_of, until
from tests.shrink.small_model_gguf import write_small_model
from tests.small import manifest

FAKE = Path(__file__).with_name("fake_engine.py")
MADE = {"kind": "generate", "engine": "llamacpp", "input": {"type": "text", "format": "chat"}}


def fake_writer(*arguments, **changes):
    def start():
        return Child([sys.executable, str(FAKE), *map(str, arguments)], threads=1, name="the engine")

    limits = Limits(**{"streams": 2, "waiting_streams": 1, "write_deadline_s": 30.0} | changes)
    return Writer("fake", manifest(**MADE), Path("x.gguf"), start=start, limits=limits, metrics=Metrics())


def ask(prompt):
    return make_request(prompt, format="plain")


async def text_of(writer, prompt):
    async with aclosing(writer.stream(ask(prompt))) as events:
        return "".join([event.text async for event in events if isinstance(event, Chunk)])


def code_of(result):
    assert isinstance(result, Problem), result
    return result.code


def test_several_prompts_are_answered_at_once():
    writer = fake_writer(streams=8)

    async def main():
        return await asyncio.gather(*(text_of(writer, f"number {number}") for number in range(8)))

    assert asyncio.run(main()) == [f"number {number} " for number in range(8)]
    writer.close()


def test_a_process_that_dies_fails_those_who_wait_and_is_started_again():
    writer = fake_writer()

    async def main():
        waiting = asyncio.create_task(text_of(writer, "silent"))
        await asyncio.sleep(0)
        crashed = asyncio.create_task(text_of(writer, "crash"))
        found = await asyncio.gather(waiting, crashed, return_exceptions=True)
        while not writer.healthy:
            await asyncio.sleep(0)
        return found, await text_of(writer, "well again")

    found, after = asyncio.run(main())
    assert [code_of(result) for result in found] == ["engine_failed"] * 2
    assert after == "well again "
    writer.close()


def test_a_process_that_falls_silent_is_ended():
    writer = fake_writer(silence_s=0.3)

    async def main():
        try:
            return await text_of(writer, "silent")
        except Problem as problem:
            return problem

    assert code_of(asyncio.run(main())) == "engine_failed"
    writer.close()


def test_a_process_that_does_not_even_read_is_ended_and_holds_nobody_up():
    writer = fake_writer(silence_s=0.5)

    async def main():
        deaf = asyncio.create_task(text_of(writer, "deaf"))
        await asyncio.sleep(0)
        long = asyncio.create_task(text_of(writer, "word " * 60_000))  # more than a pipe holds
        turns = 0
        while not (deaf.done() and long.done()):
            await asyncio.sleep(0)
            turns += 1
        found = await asyncio.gather(deaf, long, return_exceptions=True)
        while not writer.healthy:
            await asyncio.sleep(0)
        return turns, found, await text_of(writer, "well again")

    turns, found, after = asyncio.run(main())
    assert turns > 100  # the loop went on meanwhile
    assert [code_of(result) for result in found] == ["engine_failed"] * 2
    assert after == "well again "
    writer.close()


def test_a_process_that_never_comes_back_leaves_readiness_red(tmp_path):
    broken = tmp_path / "broken"
    writer = fake_writer(broken)
    broken.touch()

    async def main():
        await asyncio.gather(text_of(writer, "crash"), return_exceptions=True)
        await asyncio.to_thread(writer._threads[0].join, 30)  # it gives up after a few tries
        with pytest.raises(Problem) as refused:
            await text_of(writer, "hello")
        return refused.value

    assert code_of(asyncio.run(main())) == "engine_failed"
    assert not writer.healthy
    writer.close()


def test_a_full_queue_a_refusal_and_a_deadline_have_their_words():
    writer = fake_writer(write_deadline_s=0.2)

    async def main():
        held = [asyncio.create_task(text_of(writer, "forever")) for _ in range(3)]
        await asyncio.sleep(0)
        found = [await asyncio.gather(text_of(writer, "hello"), return_exceptions=True)]
        found.append(await asyncio.gather(*held, return_exceptions=True))
        found.append(await asyncio.gather(text_of(writer, "error"), return_exceptions=True))
        return found

    full, late, refused = asyncio.run(main())
    assert code_of(full[0]) == "queue_full"
    assert {code_of(result) for result in late} == {"deadline_passed"}
    assert code_of(refused[0]) == "context_length_exceeded"
    writer.close()


def test_over_http_a_stream_that_breaks_ends_with_an_error():
    with running(services_of(lambda _: fake_writer(silence_s=0.3))) as client:
        asked = {"model": "fake", "prompt": "forever", "stream": True}
        status, _, found = client.post("/v1/completions", asked)
        assert status == 200
        lines = found.decode().strip().split("\n\n")
        assert json.loads(lines[0].removeprefix("data: "))["choices"][0]["text"] == "on and "
        assert json.loads(lines[-1].removeprefix("data: "))["error"]["code"] == "engine_failed"
        until(lambda: client.get("/health/ready")[0] == 200)  # the process is started again
        status, _, found = client.post("/v1/completions", {"model": "fake", "prompt": "error", "stream": True})
        assert (status, found["error"]["code"]) == (400, "context_length_exceeded")


def test_a_stream_that_fails_in_an_unexpected_way_is_told_and_logged(monkeypatch, caplog):
    async def breaks(self, request):
        yield Chunk(0, "one ")
        raise MemoryError("none is left")

    monkeypatch.setattr(Writer, "stream", breaks)
    with running(services_of(lambda _: fake_writer())) as client:
        found = client.post("/v1/completions", {"model": "fake", "prompt": "x", "stream": True})[2].decode()
    lines = found.strip().split("\n\n")
    assert json.loads(lines[-1].removeprefix("data: "))["error"]["code"] == "internal_error"
    assert "none is left" not in found
    assert "none is left" in caplog.text


@contextmanager
def begun(client, body):
    """Send a request, and yield its socket: closing that is a client who leaves."""
    content = json.dumps(body).encode()
    head = "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
        raw.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
        yield raw


def test_a_client_that_leaves_frees_its_place():
    writer = fake_writer(streams=1, waiting_streams=0)
    with running(services_of(lambda _: writer)) as client:
        with begun(client, {"model": "fake", "prompt": "forever", "stream": True}) as raw:
            until(lambda: b"on and" in raw.recv(65536))
            assert client.post("/v1/completions", {"model": "fake", "prompt": "hello"})[0] == 429
        until(lambda: client.post("/v1/completions", {"model": "fake", "prompt": "hello"})[0] != 429)
        assert writer.waiting == 0


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_before_the_first_word_frees_its_place(stream):
    writer = fake_writer(streams=1, waiting_streams=0)
    with running(services_of(lambda _: writer)) as client:
        with begun(client, {"model": "fake", "prompt": "silent", "stream": stream}):
            until(lambda: not writer.idle)
            assert client.post("/v1/completions", {"model": "fake", "prompt": "hello"})[0] == 429
        until(lambda: client.post("/v1/completions", {"model": "fake", "prompt": "hello"})[0] != 429)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"tools": [{"type": "function"}]}, "unsupported_parameter"),
        ({"logit_bias": {"5": 1}}, "unsupported_parameter"),
        ({"logprobs": True}, "unsupported_parameter"),
        ({"presence_penalty": 0.5}, "unsupported_parameter"),
        ({"n": 100}, "limit_exceeded"),
        ({"max_tokens": 10**9}, "limit_exceeded"),
        ({"max_tokens": 0}, "invalid_value"),
        ({"presence_penalty": 1}, "unsupported_parameter"),
        ({"frequency_penalty": 1.0}, "unsupported_parameter"),
        ({"tools": True}, "unsupported_parameter"),
        ({"logprobs": 0}, "unsupported_parameter"),
        ({"best_of": 2}, "unsupported_parameter"),
        ({"best_of": 1, "logprobs": False, "tools": [], "logit_bias": {}, "presence_penalty": 0}, None),
        ({"messages": [{"role": "user", "content": "refuse"}]}, "invalid_value"),
        ({"max_tokens": -1}, "invalid_value"),
        ({"temperature": -1}, "invalid_value"),
        ({"stop": [""]}, "invalid_value"),
        ({"messages": []}, "invalid_value"),
        ({"messages": [{"role": "user"}]}, "invalid_value"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "invalid_value"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "unsupported_parameter"),
        ({"messages": [{"role": "user", "content": "x" * 200_001}]}, "limit_exceeded"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "invalid_value"),
        ({"response_format": {"type": "grammar"}}, "invalid_value"),
        ({"model": "other"}, "model_not_found"),
    ],
)
def test_what_would_change_the_answer_is_refused_and_not_ignored(body, code):
    with running(services_of(lambda _: fake_writer())) as client:
        asked = {"model": "fake", "messages": [{"role": "user", "content": "hello"}]}
        status, _, found = client.post("/v1/chat/completions", asked | body)
    if code is None:
        assert status == 200
    else:
        assert status in (400, 404)
        assert found["error"]["code"] == code


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    template = "{% for m in messages %}{{ m['content'] }} {% endfor %}"
    path = write_small_model(tmp_path_factory.mktemp("real") / "model.gguf", context=256, template=template)
    sources = named_sources([f"small=gguf:{path}"])

    def opener(services):
        return open_service(
            "small", sources["small"], threads=1, context=64, limits=services.limits, metrics=services.metrics
        )

    with running(services_of(opener, limits=Limits(streams=2))) as client:
        yield client


def test_openais_client_works_unchanged(real):
    from openai import BadRequestError, OpenAI

    client = OpenAI(base_url=f"{real.url}/v1", api_key="none", max_retries=0)
    assert [model.id for model in client.models.list()] == ["small"]
    messages = [{"role": "user", "content": "the old pine in a pot"}]
    whole = client.chat.completions.create(model="small", messages=messages, max_tokens=8, temperature=0, seed=1)
    assert 0 < whole.usage.completion_tokens <= 8
    pieces = client.chat.completions.create(
        model="small", messages=messages, max_tokens=8, temperature=0, stream=True,
        stream_options={"include_usage": True},
    )  # fmt: skip
    chunks = list(pieces)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == (
        whole.choices[0].message.content
    )
    assert chunks[-1].usage.total_tokens == whole.usage.total_tokens
    legacy = client.completions.create(model="small", prompt="the moon", max_tokens=4, n=2, temperature=1, seed=3)
    assert [choice.index for choice in legacy.choices] == [0, 1]
    assert legacy.usage.completion_tokens <= 8
    with pytest.raises(BadRequestError, match="longer than the context"):
        client.completions.create(model="small", prompt="the old pine " * 600, max_tokens=4)


def test_our_own_client_works_against_it(real, monkeypatch):
    import penjing

    monkeypatch.setenv("OPENAI_BASE_URL", f"{real.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    asked = {"model": "openai:small", "max_tokens": 6, "temperature": 0.0}
    chat = penjing.generate_text("the old pine", **asked)
    assert 0 < chat.completion_tokens <= 6
    assert "".join(penjing.stream_text("the old pine", **asked)) == chat.text
    plain = penjing.generate_text("the old pine", format="plain", n=2, **asked)
    assert plain.texts[0] == plain.texts[1]


def test_tokens_are_counted_as_the_engine_counts_them(real):
    text = "the old pine in a pot"
    counted = real.post("/tokenize", {"input": text})[2]["tokens"]
    used = real.post("/v1/completions", {"model": "small", "prompt": text, "max_tokens": 1})[2]["usage"]
    assert abs(used["prompt_tokens"] - counted) <= 2  # the engine adds what texts begin with
    assert real.get("/info")[2]["models"][0]["format"] == "chat"
