"""The seam between a request for text and what answers it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from penjing.errors import EngineError

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "content_filter"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn; `temperature` 0 takes the most probable one."""

    max_tokens: int
    temperature: float
    top_p: float
    top_k: int | None
    seed: int | None
    stop: tuple[str, ...]
    schema: Mapping[str, Any] | None
    """A JSON schema that the text must satisfy."""


@dataclass(frozen=True, slots=True)
class TextRequest:
    """What is asked: a conversation, or a text to go on with."""

    messages: tuple[Message, ...]
    """Empty where `prompt` is to be continued as it stands."""
    prompt: str
    n: int
    sampling: Sampling

    def to_json(self) -> dict[str, Any]:
        """Return plain values, as they go to another process."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TextRequest:
        """Return the request that `to_json` wrote.

        >>> request = TextRequest((Message("user", "Hi"),), "", 1, Sampling(9, 0.0, 1.0, None, 7, ("\\n",), None))
        >>> TextRequest.from_json(request.to_json()) == request
        True
        """
        sampling = dict(values["sampling"])
        return cls(
            messages=tuple(Message(**message) for message in values["messages"]),
            prompt=values["prompt"],
            n=values["n"],
            sampling=Sampling(**{**sampling, "stop": tuple(sampling["stop"])}),
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of the answer `index`; `finish_reason` comes with the last piece of each."""

    index: int
    text: str
    finish_reason: FinishReason | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took: tokens, and seconds where the engine says them. None is not known."""

    prompt_tokens: int | None
    completion_tokens: int | None
    prefill_s: float | None = None
    """Reading the prompt; without what an earlier request left in the engine's memory."""
    decode_s: float | None = None
    """Writing the answer."""


Event = Chunk | Usage


class TextEngine(Protocol):
    """Answers requests for text."""

    name: str
    parallel: int
    """How many requests may be answered at once, each in a thread of its own."""

    def stream(self, request: TextRequest) -> Iterator[Event]:
        """Yield the pieces of each answer as they come, and a `Usage` after each answer.

        To stop early, close the iterator. No piece holds a part of a character.

        Raises:
            EngineError: the prompt is longer than the context, or the engine fails or does not answer.
        """
        ...

    def close(self) -> None:
        """Give back what the engine holds."""
        ...


def too_long(*, prompt_tokens: int, context: int) -> EngineError:
    """Return the error of a prompt that does not fit."""
    return EngineError(
        "the prompt is longer than the context",
        value=f"{prompt_tokens} tokens",
        rule=f"at most {context} with the answer",
        next_step="Shorten the prompt, or raise --context where the model allows more",
    )
