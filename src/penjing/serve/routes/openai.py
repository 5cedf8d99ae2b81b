"""OpenAI's routes: models, chat completions and legacy completions, whole and streamed.

A model that classifies answers a chat with its label; one for files, with that of the last one it was sent.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from penjing.engines.text.base import Chunk, TextRequest, Usage
from penjing.serve.batcher import Answered
from penjing.serve.classifier import Classifier, Labelled
from penjing.serve.files import FileClassifier
from penjing.serve.problems import Problem, failed, invalid, wrong_kind
from penjing.serve.routes.classify import Served, classified
from penjing.serve.routes.files import answer_files
from penjing.serve.routes.openai_reply import Shape
from penjing.serve.routes.openai_request import (
    CHAT_TOKENS,
    LEGACY_TOKENS,
    Asked,
    ChatRequest,
    CompletionRequest,
    check,
    last_file,
    message,
    text_request,
)
from penjing.serve.routes.seen import seen_of
from penjing.serve.services import Service
from penjing.serve.settings import Limits
from penjing.serve.writer import Writer

log = logging.getLogger("penjing.serve")
router = APIRouter(tags=["openai"])
T = TypeVar("T")
_LOOK_S = 0.25  # between looks whether a client is still there


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
    check(asked, services.limits)
    if isinstance(service, FileClassifier) and service.file_kind != "fused":
        with services.file_room():
            [found] = await answer_files(
                service, [last_file(asked.messages, service.file_kind)], request, services.limits
            )
        return _said(service, found, asked, request)
    messages = [message(found) for found in asked.messages]
    if isinstance(service, Classifier):
        return await _label(service, messages, asked, request, services.limits)
    if not isinstance(service, Writer):
        raise wrong_kind(service.name, service.kind)
    wanted = text_request(messages, asked, services.limits, default=CHAT_TOKENS, format="chat")
    return await _answer(service, wanted, asked, request, Shape("chat.completion", "chatcmpl", service.name))


@router.post("/v1/completions")
async def completions(asked: CompletionRequest, request: Request, services: Served) -> Response:
    """Return how a text goes on."""
    service = services.writer(asked.model)
    check(asked, services.limits)
    prompt = asked.prompt[0] if isinstance(asked.prompt, list) and len(asked.prompt) == 1 else asked.prompt
    if not isinstance(prompt, str):
        raise invalid("`prompt` must be one text.", param="prompt", code="unsupported_parameter")
    wanted = text_request(prompt, asked, services.limits, default=LEGACY_TOKENS, format="plain")
    return await _answer(service, wanted, asked, request, Shape("text_completion", "cmpl", service.name))


def _model(service: Service) -> dict[str, Any]:
    return {"id": service.name, "object": "model", "created": _created(service.manifest.created), "owned_by": "penjing"}


def _created(text: str) -> int:
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        return 0


async def _answer(service: Writer, wanted: TextRequest, asked: Asked, request: Request, shape: Shape) -> Response:
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
    service: Writer, wanted: TextRequest, asked: Asked, request: Request, shape: Shape
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
        log.exception("a stream failed")
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
    service: Classifier, messages: list[dict[str, str]], asked: Asked, request: Request, limits: Limits
) -> Response:
    turns = [turn["content"] for turn in messages if turn["role"] == "user"]
    if not turns:
        raise invalid("There is no message of a user to classify.", param="messages")
    found = (await classified(service, turns[-1:], request, limits, truncate=False))[0]
    return _said(service, found, asked, request)


def _said(service: Classifier, found: Answered[Labelled] | Problem, asked: Asked, request: Request) -> Response:
    """Return a label as the next turn of a conversation."""
    if isinstance(found, Problem):
        raise found
    shape, label = Shape("chat.completion", "chatcmpl", service.name), found.value.prediction.label
    if not asked.stream:
        return JSONResponse(shape.whole([label], ["stop"], _usage(request)))
    chunks = [shape.first(0), shape.chunk(Chunk(0, label)), shape.chunk(Chunk(0, "", "stop"))]
    body = "".join(_line(chunk) for chunk in chunks if chunk) + "data: [DONE]\n\n"
    return Response(body, media_type="text/event-stream")
