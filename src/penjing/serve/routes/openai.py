"""OpenAI's routes: models, chat completions and legacy completions, whole and streamed.

Fields that are not known are ignored, as OpenAI's own server does; those that are known, would change the answer and
cannot here, are refused by name. A model that classifies answers a chat with its label.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict

from penjing.engines.text.base import Chunk, TextRequest, Usage
from penjing.generation.request import make_request
from penjing.serve.classifier import Classifier
from penjing.serve.problems import Problem, failed, invalid, too_many, unsupported
from penjing.serve.routes.classify import Served, check_characters, classified
from penjing.serve.routes.seen import seen_of
from penjing.serve.services import Service
from penjing.serve.settings import Limits
from penjing.serve.writer import Writer

router = APIRouter(tags=["openai"])
T = TypeVar("T")
_LOOK_S = 0.25  # between looks whether a client is still there

_UNSUPPORTED = ("tools", "functions", "logit_bias", "logprobs", "audio", "modalities", "suffix", "echo", "best_of")
_NOTHING: tuple[Any, ...] = (None, 0, "", [], {})
_CHAT_TOKENS, _LEGACY_TOKENS = 256, 16  # where a client says nothing; the second is OpenAI's


class _Asked(BaseModel):
    model_config = ConfigDict(extra="allow")

    model: str
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None


class ChatRequest(_Asked):
    """A conversation to go on with."""

    messages: list[dict[str, Any]]


class CompletionRequest(_Asked):
    """A text to go on with."""

    prompt: str | list[str]


@router.get("/v1/models")
async def models(services: Served) -> dict[str, Any]:
    """Return what is served."""
    return {"object": "list", "data": [_model(service) for service in services]}


@router.get("/v1/models/{name}")
async def model(name: str, services: Served) -> dict[str, Any]:
    """Return one model."""
    return _model(services.find(name))


@router.post("/v1/chat/completions")
async def chat(asked: ChatRequest, request: Request, services: Served) -> Response:
    """Return the next turn of a conversation, or the label of its last turn where the model classifies."""
    service = services.find(asked.model)
    _check(asked, services.limits)
    messages = [_message(found) for found in asked.messages]
    if isinstance(service, Classifier):
        return await _label(service, messages, asked, request, services.limits)
    wanted = _request(service, messages, asked, services.limits, default=_CHAT_TOKENS, format="chat")
    return await _answer(service, wanted, asked, request, _Shape("chat.completion", "chatcmpl", service.name))


@router.post("/v1/completions")
async def completions(asked: CompletionRequest, request: Request, services: Served) -> Response:
    """Return how a text goes on."""
    service = services.writer(asked.model)
    _check(asked, services.limits)
    prompt = asked.prompt[0] if isinstance(asked.prompt, list) and len(asked.prompt) == 1 else asked.prompt
    if not isinstance(prompt, str):
        raise invalid("`prompt` must be one text.", param="prompt", code="unsupported_parameter")
    wanted = _request(service, prompt, asked, services.limits, default=_LEGACY_TOKENS, format="plain")
    return await _answer(service, wanted, asked, request, _Shape("text_completion", "cmpl", service.name))


def _model(service: Service) -> dict[str, Any]:
    return {"id": service.name, "object": "model", "created": _created(service.manifest.created), "owned_by": "penjing"}


def _created(text: str) -> int:
    from datetime import datetime

    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        return 0


def _check(asked: _Asked, limits: Limits) -> None:
    for name in (*_UNSUPPORTED, "frequency_penalty", "presence_penalty"):
        value = (asked.model_extra or {}).get(name, getattr(asked, name, None))
        asks_for_one = name == "best_of" and value == 1 and value is not True
        zero_logprobs = name == "logprobs" and value == 0 and value is not False  # of the pieces that were drawn
        if not asks_for_one and (zero_logprobs or value not in _NOTHING):
            raise unsupported(name)
    if (asked.n or 1) > limits.answers:
        raise too_many("n", given=asked.n or 1, most=limits.answers)
    given = _most_tokens(asked)
    if given is not None and given > limits.max_tokens:
        raise too_many("max_tokens", given=given, most=limits.max_tokens)


def _most_tokens(asked: _Asked) -> int | None:
    return asked.max_tokens if asked.max_completion_tokens is None else asked.max_completion_tokens


def _message(found: Mapping[str, Any]) -> dict[str, str]:
    """Return a turn as engines take it; content in parts is joined, and parts that are no text are refused."""
    content = found.get("content")
    if isinstance(content, list):
        if not all(isinstance(part, dict) and part.get("type") == "text" for part in content):
            raise invalid("Only text parts can be read here.", param="messages", code="unsupported_parameter")
        content = "".join(str(part.get("text", "")) for part in content)
    role = "system" if found.get("role") == "developer" else found.get("role")
    if not isinstance(content, str) or not isinstance(role, str):
        raise invalid("Every message needs a `role` and a text as `content`.", param="messages")
    return {"role": role, "content": content}


def _request(
    service: Writer,
    prompt: str | list[dict[str, str]],
    asked: _Asked,
    limits: Limits,
    *,
    default: int,
    format: Any,  # noqa: A002 (the word for it)
) -> TextRequest:
    texts = [prompt] if isinstance(prompt, str) else [turn["content"] for turn in prompt]
    param, length = "prompt" if isinstance(prompt, str) else "messages", sum(map(len, texts))
    if length > limits.characters:
        raise too_many(param, given=length, most=limits.characters)
    check_characters(texts, param=param)
    return make_request(
        prompt,
        format=format,
        max_tokens=default if (given := _most_tokens(asked)) is None else given,
        n=asked.n or 1,
        stop=asked.stop or None,
        temperature=1.0 if asked.temperature is None else asked.temperature,
        top_p=1.0 if asked.top_p is None else asked.top_p,
        top_k=asked.top_k or None,
        seed=asked.seed,
        schema=_schema(asked.response_format),
    )


def _schema(wanted: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    kind = None if wanted is None else wanted.get("type")
    if kind in (None, "text"):
        return None
    if kind == "json_object":
        return {"type": "object"}
    found = (wanted or {}).get("json_schema")
    if kind == "json_schema" and isinstance(found, dict) and isinstance(found.get("schema"), dict):
        return dict(found["schema"])
    raise invalid("`response_format` is text, json_object, or json_schema with a schema.", param="response_format")


class _Shape:
    """How the two routes write the same answer."""

    def __init__(self, name: str, prefix: str, model: str) -> None:
        self._chat = name == "chat.completion"
        self._name, self._model = name, model
        self._id, self._created = f"{prefix}-{uuid.uuid4().hex}", int(time.time())

    def whole(self, texts: list[str], reasons: list[str], usage: dict[str, int]) -> dict[str, Any]:
        """Return the answer to a request that is not streamed."""
        choices = [
            {"index": index, "finish_reason": reason, "logprobs": None, **self._content(text)}
            for index, (text, reason) in enumerate(zip(texts, reasons, strict=True))
        ]
        return {**self._head(self._name), "choices": choices, "usage": usage}

    def chunk(self, chunk: Chunk) -> dict[str, Any]:
        """Return one piece of a stream."""
        content = {"delta": {"content": chunk.text} if chunk.text else {}} if self._chat else {"text": chunk.text}
        choice = {"index": chunk.index, "finish_reason": chunk.finish_reason, "logprobs": None, **content}
        return {**self._stream_head(), "choices": [choice]}

    def first(self, index: int) -> dict[str, Any] | None:
        """Return what a stream of a chat begins with."""
        if not self._chat:
            return None
        choice = {"index": index, "finish_reason": None, "delta": {"role": "assistant", "content": ""}}
        return {**self._stream_head(), "choices": [choice]}

    def last(self, usage: dict[str, int]) -> dict[str, Any]:
        """Return what a stream ends with where its client asked for usage."""
        return {**self._stream_head(), "choices": [], "usage": usage}

    def _content(self, text: str) -> dict[str, Any]:
        return {"message": {"role": "assistant", "content": text, "refusal": None}} if self._chat else {"text": text}

    def _stream_head(self) -> dict[str, Any]:
        return self._head("chat.completion.chunk" if self._chat else self._name)

    def _head(self, name: str) -> dict[str, Any]:
        return {"id": self._id, "object": name, "created": self._created, "model": self._model}


async def _answer(service: Writer, wanted: TextRequest, asked: _Asked, request: Request, shape: _Shape) -> Response:
    seen_of(request).model, seen_of(request).items = service.name, wanted.n
    if asked.stream:
        events = _events(service, wanted, asked, request, shape)
        return StreamingResponse(
            await _begun(events, request), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )
    texts, reasons = [""] * wanted.n, ["stop"] * wanted.n
    async with aclosing(_stopping(service, wanted, request)) as stream:  # type: ignore[type-var]
        async for event in stream:
            if isinstance(event, Chunk):
                texts[event.index] += event.text
                reasons[event.index] = event.finish_reason or reasons[event.index]
            else:
                _count(service, event, request)
    seen_of(request).finish = reasons[0]
    return JSONResponse(shape.whole(texts, reasons, _usage(request)))


async def _stopping(service: Writer, wanted: TextRequest, request: Request) -> AsyncIterator[Chunk | Usage]:
    """Yield the events of an answer; where the client has gone there are no more."""
    async with aclosing(service.stream(wanted)) as stream:  # type: ignore[type-var]
        while (event := await _next(stream, request)) is not None:
            yield event


async def _next(stream: AsyncIterator[T], request: Request) -> T | None:
    """Return what comes next, or None at the end and where the client goes first."""
    coming = asyncio.ensure_future(anext(stream, None))
    try:
        while not (await asyncio.wait({coming}, timeout=_LOOK_S))[0]:
            if await request.is_disconnected():
                seen_of(request).finish = "client gone"
                return None
        return coming.result()
    finally:
        if not coming.done():
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def _begun(events: AsyncIterator[str], request: Request) -> AsyncIterator[str]:
    """Return `events` once the first is there, so that what is wrong before it has its own status."""
    first = await _next(events, request)

    async def all_of_them() -> AsyncIterator[str]:
        async with aclosing(events) as rest:  # type: ignore[type-var]
            if first is not None:
                yield first
                async for event in rest:
                    yield event

    return all_of_them()


async def _events(
    service: Writer, wanted: TextRequest, asked: _Asked, request: Request, shape: _Shape
) -> AsyncIterator[str]:
    begun: set[int] = set()
    try:
        async with aclosing(service.stream(wanted)) as stream:  # type: ignore[type-var]
            async for event in stream:
                if isinstance(event, Usage):
                    _count(service, event, request)
                    continue
                if event.index not in begun:
                    begun.add(event.index)
                    if (first := shape.first(event.index)) is not None:
                        yield _line(first)
                seen_of(request).finish = event.finish_reason or ""
                yield _line(shape.chunk(event))
    except Problem as problem:
        if not begun:
            raise
        yield _line(problem.body)
        return
    except Exception:
        if not begun:
            raise
        yield _line(failed().body)
        return
    if (asked.stream_options or {}).get("include_usage"):
        yield _line(shape.last(_usage(request)))
    yield "data: [DONE]\n\n"


def _line(values: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(values, ensure_ascii=False)}\n\n"


def _count(service: Writer, usage: Usage, request: Request) -> None:
    seen = seen_of(request)
    seen.prompt_tokens = max(seen.prompt_tokens, usage.prompt_tokens or 0)
    seen.written_tokens += usage.completion_tokens or 0
    seen.compute_s += (usage.prefill_s or 0.0) + (usage.decode_s or 0.0)
    service.count(usage)


def _usage(request: Request) -> dict[str, int]:
    seen = seen_of(request)
    return {
        "prompt_tokens": seen.prompt_tokens,
        "completion_tokens": seen.written_tokens,
        "total_tokens": seen.prompt_tokens + seen.written_tokens,
    }


async def _label(
    service: Classifier, messages: list[dict[str, str]], asked: _Asked, request: Request, limits: Limits
) -> Response:
    turns = [turn["content"] for turn in messages if turn["role"] == "user"]
    if not turns:
        raise invalid("There is no message of a user to classify.", param="messages")
    found = (await classified(service, turns[-1:], request, limits, truncate=False))[0]
    if isinstance(found, Problem):
        raise found
    shape, label = _Shape("chat.completion", "chatcmpl", service.name), found.value.prediction.label
    if not asked.stream:
        return JSONResponse(shape.whole([label], ["stop"], _usage(request)))
    chunks = [shape.first(0), shape.chunk(Chunk(0, label)), shape.chunk(Chunk(0, "", "stop"))]
    body = "".join(_line(chunk) for chunk in chunks if chunk) + "data: [DONE]\n\n"
    return Response(body, media_type="text/event-stream")
