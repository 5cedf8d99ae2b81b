"""Any server that speaks OpenAI's API, through the official client (extra `remote`).

OPENAI_BASE_URL and OPENAI_API_KEY say which and with what key. The client waits and tries again after errors that
pass (408, 409, 429, 5xx, no connection), as long as the server's Retry-After asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from penjing.engines.text.base import Chunk, Event, FinishReason, Sampling, TextRequest, Usage
from penjing.errors import EngineError, MissingExtraError

ANSWER_TIMEOUT_S, _CONNECT_TIMEOUT_S = 120.0, 10.0
_RETRIES = 3
_LIMIT, _NEWER_LIMIT = "max_tokens", "max_completion_tokens"
_REASONS: dict[str, FinishReason] = {"length": "length", "content_filter": "content_filter"}


class Remote:
    """A model behind OpenAI's API; `answer_timeout_s` is the longest silence between two pieces of an answer."""

    name = "remote"
    parallel = 1

    def __init__(self, model: str, *, answer_timeout_s: float = ANSWER_TIMEOUT_S, retries: int = _RETRIES) -> None:
        try:
            import openai
        except ImportError:
            raise MissingExtraError("openai", extra="remote") from None
        self._library, self._model, self._limit = openai, model, _LIMIT
        try:
            timeout = openai.Timeout(answer_timeout_s, connect=min(_CONNECT_TIMEOUT_S, answer_timeout_s))
            self._client = openai.OpenAI(timeout=timeout, max_retries=retries)
        except openai.OpenAIError as error:
            raise EngineError(
                "the remote model cannot be used",
                value=str(error),
                rule="OPENAI_API_KEY is set",
                next_step="Set it, and OPENAI_BASE_URL for another server than OpenAI's; a local one takes any key",
            ) from None

    def stream(self, request: TextRequest) -> Iterator[Event]:
        """Yield the pieces of all answers as the server sends them."""
        begun, ended = [0] * request.n, [False] * request.n
        usage = Usage(None, None)
        with self._told(begun), self._asked(request) as events:
            for event in events:
                if found := getattr(event, "usage", None):
                    usage = Usage(found.prompt_tokens, found.completion_tokens)
                for choice in event.choices or ():
                    chunk = _chunk(choice)
                    if chunk.index >= request.n:
                        continue
                    begun[chunk.index] += len(chunk.text)
                    ended[chunk.index] = ended[chunk.index] or chunk.finish_reason is not None
                    yield chunk
        if not all(ended):
            raise _cut_off(sum(begun))
        yield usage

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _asked(self, request: TextRequest) -> Any:
        """Return the server's events; a model that knows the limit by its newer name alone is asked again with it."""
        limit = self._limit
        try:
            return self._events(request, limit)
        except self._library.BadRequestError as error:
            if limit == _NEWER_LIMIT or _NEWER_LIMIT not in error.message:
                raise
            self._limit = _NEWER_LIMIT
            return self._events(request, _NEWER_LIMIT)

    def _events(self, request: TextRequest, limit: str) -> Any:
        known = limit if request.messages else _LIMIT  # the legacy route has the older name alone
        body = {**_body(self._model, request.n, request.sampling), known: request.sampling.max_tokens}
        if not request.messages:
            if request.sampling.schema is not None:
                raise EngineError("a remote server holds only a conversation to a schema", next_step="Use format chat")
            return self._client.completions.create(prompt=request.prompt, **body)
        messages = [{"role": found.role, "content": found.content} for found in request.messages]
        if (schema := request.sampling.schema) is not None:
            json_schema = {"name": "answer", "schema": dict(schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": json_schema}
        return self._client.chat.completions.create(messages=messages, **body)

    @contextmanager
    def _told(self, begun: list[int]) -> Iterator[None]:
        """Turn what the client raises into one line."""
        import httpx2

        library = self._library
        try:
            yield
        except library.APITimeoutError:
            raise EngineError(
                "the remote model does not answer", value=self._where(), rule=self._patience(begun=any(begun))
            ) from None
        except library.APIStatusError as error:
            raise EngineError(
                "the remote model refuses the request",
                value=f"{error.status_code} {_one_line(error.message)}",
                next_step=_advice(error.status_code, str(error.message)),
            ) from None
        except (library.APIConnectionError, httpx2.HTTPError) as error:
            if any(begun):
                raise _cut_off(sum(begun)) from None
            raise EngineError(
                "the remote model cannot be reached",
                value=self._where(),
                rule=_one_line(str(error.__cause__ or error)),
                next_step="Check OPENAI_BASE_URL and that the server is up",
            ) from None
        except library.APIError as error:
            raise EngineError(
                "the remote model failed",
                value=_one_line(error.message),
                next_step="Try again, or see the server's log",
            ) from None
        except (library.OpenAIError, ValueError, AttributeError, TypeError) as error:
            raise EngineError(
                "the remote server does not speak OpenAI's API",
                value=self._where(),
                rule=_one_line(f"{type(error).__name__}: {error}"),
                next_step="Check OPENAI_BASE_URL; it often ends with /v1",
            ) from None

    def _patience(self, *, begun: bool) -> str:
        within, asked = f"within {self._client.timeout.read:g} s", self._client.max_retries + 1
        return within if begun or asked == 1 else f"{within}, asked {asked} times"

    def _where(self) -> str:
        return f"{self._model} at {self._client.base_url}"


def _body(model: str, n: int, sampling: Sampling) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "n": n,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if sampling.top_k is not None:
        body["extra_body"] = {"top_k": sampling.top_k}  # not OpenAI's own, but many servers take it
    return body


def _chunk(choice: Any) -> Chunk:
    text = choice.delta.content if hasattr(choice, "delta") else choice.text
    reason = choice.finish_reason
    return Chunk(choice.index, text or "", None if reason is None else _REASONS.get(reason, "stop"))


def _cut_off(characters: int) -> EngineError:
    return EngineError(
        "the remote answer broke off" if characters else "the remote server sent no answer",
        value=f"after {characters} characters",
        rule="an answer ends with a finish_reason",
        next_step="Try again; where it stays so, check OPENAI_BASE_URL",
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


def _advice(status: int, message: str) -> str:
    if status == 400 and any(f"'{name}' does not support" in message for name in ("temperature", "top_p")):
        return "Ask with temperature 1 and top_p 1: some models take no other"
    if status in {401, 403}:
        return "Check OPENAI_API_KEY"
    if status == 404:
        return "Check the model's name, and that OPENAI_BASE_URL ends as the server wants it, often with /v1"
    if status == 429:
        return "Wait, or ask for a higher limit"
    return ""
