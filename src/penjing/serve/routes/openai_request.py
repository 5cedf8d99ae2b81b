"""What OpenAI's routes are asked: fields checked and turned into a request for text.

Fields that are not known are ignored, as OpenAI's own server does; those that are known, would change the answer and
cannot here, are refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from penjing.engines.text.base import TextRequest
from penjing.generation.request import Format, make_request
from penjing.serve.files import FileKind
from penjing.serve.problems import Problem, invalid, too_many, unsupported
from penjing.serve.routes.classify import check_characters
from penjing.serve.routes.files import decoded_file
from penjing.serve.settings import Limits

CHAT_TOKENS, LEGACY_TOKENS = 256, 16  # where a client says nothing; the second is OpenAI's
_UNSUPPORTED = ("tools", "functions", "logit_bias", "logprobs", "audio", "modalities", "suffix", "echo", "best_of")
_NOTHING: tuple[Any, ...] = (None, 0, "", [], {})


class Asked(BaseModel):
    """What both routes know."""

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


class ChatRequest(Asked):
    """A conversation to go on with."""

    messages: list[dict[str, Any]]


class CompletionRequest(Asked):
    """A text to go on with."""

    prompt: str | list[str]


def check(asked: Asked, limits: Limits) -> None:
    """Raise Problem where a request asks for what cannot be done, or for too much."""
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


def _most_tokens(asked: Asked) -> int | None:
    return asked.max_tokens if asked.max_completion_tokens is None else asked.max_completion_tokens


def message(found: Mapping[str, Any]) -> dict[str, str]:
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


def last_file(messages: list[dict[str, Any]], kind: FileKind) -> bytes | Problem:
    """Return the file in the last message's part of type image_url or input_audio, or what is wrong with it."""
    wanted, field = _PARTS[kind]
    content = messages[-1].get("content") if messages else None
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    for part in reversed(parts):
        inside = part.get(wanted)
        file = inside.get(field) if isinstance(inside, dict) else inside
        if part.get("type") == wanted and isinstance(file, str):
            return decoded_file(file, kind)
    return invalid(f"This model takes a file: a part of type {wanted} with `{field}`.", param="messages")


_PARTS: Mapping[FileKind, tuple[str, str]] = {"image": ("image_url", "url"), "audio": ("input_audio", "data")}


def text_request(
    prompt: str | list[dict[str, str]],
    asked: Asked,
    limits: Limits,
    *,
    default: int,
    format: Format,  # noqa: A002 (the word for it)
) -> TextRequest:
    """Return the request, within the limits; Problem or TaskError where a value is wrong."""
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
