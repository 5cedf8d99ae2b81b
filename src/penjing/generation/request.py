"""A request for text, checked: every wrong value is named before a model is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from penjing.engines.text.base import Message, Role, Sampling, TextRequest
from penjing.errors import TaskError

Prompt = str | Sequence[Message] | Sequence[Mapping[str, str]]
Format = Literal["chat", "plain"]
"""chat: through the model's chat template; plain: the model goes on with the text as it stands."""

_MOST_STOPS, _MOST_ANSWERS, _MOST_TOKENS = 16, 128, 1_000_000
_MOST_PROMPT = 16 * 2**20  # characters


def make_request(
    prompt: Prompt,
    *,
    format: Format,  # noqa: A002 (the word for it)
    system: str | None = None,
    max_tokens: int = 50,
    n: int = 1,
    stop: str | Sequence[str] | None = None,
    temperature: float = 1.0,
    top_p: float = 1.0,
    top_k: int | None = None,
    seed: int | None = None,
    schema: Mapping[str, Any] | None = None,
) -> TextRequest:
    """Return the request.

    Raises:
        TaskError: a value is of the wrong type or out of its range.
    """
    sampling = Sampling(
        max_tokens=_whole("max_tokens", max_tokens, least=1, most=_MOST_TOKENS),
        temperature=_number("temperature", temperature, least=0.0, most=100.0),
        top_p=_number("top_p", top_p, least=0.0, most=1.0),
        top_k=None if top_k is None else _whole("top_k", top_k, least=1, most=_MOST_TOKENS),
        seed=None if seed is None else _whole("seed", seed, least=0, most=2**31 - 1),
        stop=_stops(stop),
        schema=_schema(schema),
    )
    count = _whole("n", n, least=1, most=_MOST_ANSWERS)
    messages = _messages(prompt, system)
    if sum(len(message.content) for message in messages) > _MOST_PROMPT:
        raise TaskError("the prompt is too long", rule=f"at most {_MOST_PROMPT} characters")
    if format == "chat":
        return TextRequest(messages, "", count, sampling)
    if not isinstance(prompt, str) or system is not None:
        raise TaskError("a plain prompt is one text, without messages or a system prompt", next_step="Use format chat")
    return TextRequest((), prompt, count, sampling)


def _messages(prompt: Prompt, system: str | None) -> tuple[Message, ...]:
    first = () if system is None else (Message("system", _text("system", system)),)
    if isinstance(prompt, str):
        return (*first, Message("user", prompt))
    if not isinstance(prompt, Sequence) or not prompt:
        raise TaskError("`prompt` is of the wrong type", value=_kind(prompt), rule="a text, or a list of messages")
    return (*first, *(_message(value) for value in prompt))


def _message(value: object) -> Message:
    if isinstance(value, Message):
        return value
    rule = '{"role": "system", "user" or "assistant", "content": a text}'
    if not isinstance(value, Mapping) or set(value) != {"role", "content"} or value["role"] not in get_args(Role):
        raise TaskError("a message is not one", value=value, rule=rule)
    return Message(value["role"], _text("content", value["content"]))


def _stops(stop: object) -> tuple[str, ...]:
    if stop is None:
        return ()
    found = (stop,) if isinstance(stop, str) else stop
    texts = isinstance(found, Sequence) and all(isinstance(text, str) and text for text in found)
    if not isinstance(found, Sequence) or not texts or len(found) > _MOST_STOPS:
        raise TaskError(
            "`stop` is not what ends an answer",
            value=_kind(stop),
            rule=f"a text, or up to {_MOST_STOPS} of them, none empty",
        )
    return tuple(found)


def _schema(schema: object) -> Mapping[str, Any] | None:
    if schema is not None and not isinstance(schema, Mapping):
        raise TaskError("`schema` is of the wrong type", value=_kind(schema), rule="a JSON schema, as a mapping")
    return schema


def _whole(name: str, value: object, *, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise TaskError(f"`{name}` is out of range", value=_kind(value), rule=f"a whole number from {least} to {most}")
    return value


def _number(name: str, value: object, *, least: float, most: float) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not least <= value <= most:  # type: ignore[operator]
        raise TaskError(f"`{name}` is out of range", value=_kind(value), rule=f"a number from {least:g} to {most:g}")
    return float(value)  # type: ignore[arg-type]


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TaskError(f"`{name}` is of the wrong type", value=_kind(value), rule="a text")
    return value


def _kind(value: object) -> str:
    return f"{value!r} ({type(value).__name__})"
