"""How OpenAI's two routes write an answer: whole, and in the pieces of a stream."""

from __future__ import annotations

import time
import uuid
from typing import Any

from penjing.engines.text.base import Chunk


class Shape:
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
