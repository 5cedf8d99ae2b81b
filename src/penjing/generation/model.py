"""A model that writes text, opened once and asked often: what a reference names, behind its engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

from penjing.engines.text.base import Chunk, FinishReason, TextEngine, TextRequest, Usage
from penjing.generation.request import Format, Prompt, make_request

N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its text, and why it ends ("stop": by itself or at a stop text; "length": at max_tokens)."""

    text: str
    finish_reason: FinishReason


@dataclass(frozen=True)
class Generation:
    """What was written for one prompt."""

    answers: tuple[Answer, ...]
    """`n` of them."""
    model: str
    engine: str
    prompt_tokens: int | None
    """Of the prompt, counted once; None where the server does not say."""
    completion_tokens: int | None
    """Of all answers."""
    prefill_s: float | None
    """Seconds of reading the prompt, as the engine says."""
    decode_s: float | None
    """Seconds of writing, as the engine says."""

    @property
    def text(self) -> str:
        """The first answer."""
        return self.answers[0].text

    @property
    def texts(self) -> list[str]:
        """All answers."""
        return [answer.text for answer in self.answers]


@dataclass
class TextModel:
    """Made by `open_text_model`; close it, or use it in a `with`, to end the engine's process."""

    reference: str
    engine: TextEngine
    default_format: Format
    """chat where the model has a chat template."""
    _open: bool = field(default=True, repr=False)

    def generate(self, prompt: Prompt, **options: Any) -> Generation:
        """Return the answers to `prompt`; for the options see `penjing.generate_text`."""
        request = self.request(prompt, **options)
        texts, reasons = [""] * request.n, ["stop"] * request.n
        usages = []
        for event in self.engine.stream(request):
            if isinstance(event, Usage):
                usages.append(event)
            else:
                texts[event.index] += event.text
                reasons[event.index] = event.finish_reason or reasons[event.index]
        answers = tuple(Answer(text, reason) for text, reason in zip(texts, reasons, strict=True))  # type: ignore[arg-type]
        return Generation(
            answers=answers,
            model=self.reference,
            engine=self.engine.name,
            prompt_tokens=usages[0].prompt_tokens if usages else None,
            completion_tokens=_total([usage.completion_tokens for usage in usages]),
            prefill_s=usages[0].prefill_s if usages else None,
            decode_s=_total([usage.decode_s for usage in usages]),
        )

    def stream(self, prompt: Prompt, **options: Any) -> Iterator[Chunk]:
        """Yield pieces of the answers as they come; closing the iterator ends them."""
        for event in self.engine.stream(self.request(prompt, **options)):
            if isinstance(event, Chunk):
                yield event

    def request(
        self,
        prompt: Prompt,
        *,
        format: Format | None = None,  # noqa: A002 (the word for it)
        **options: Any,
    ) -> TextRequest:
        """Return the checked request."""
        return make_request(prompt, format=format or self.default_format, **options)

    def close(self) -> None:
        """End the engine; a second time does nothing."""
        if self._open:
            self._open = False
            self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _total(values: Sequence[N | None]) -> N | None:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(values) else None
