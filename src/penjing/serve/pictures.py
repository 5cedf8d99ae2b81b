"""A bundle for pictures behind the same batcher: files in, predictions out, few of them decoded at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from penjing.engines import Item
from penjing.errors import DataError
from penjing.serve.batcher import Answered
from penjing.serve.classifier import Classifier, Labelled
from penjing.serve.problems import Problem, invalid, late, unsupported, wrong_kind


class PictureClassifier(Classifier):
    """Serves one bundle for pictures; made by `open_classifier`."""

    kind = "image"

    def __init__(self, *told: Any, **more: Any) -> None:
        super().__init__(*told, **more)
        self._decoding = asyncio.Semaphore(self._limits.decoding)

    async def classify_pictures(self, files: Sequence[bytes | Problem]) -> list[Answered[Labelled] | Problem]:
        """Return an answer, or what went wrong, for each picture's file; problems stay as they are.

        Raises:
            Problem: the queue is full, or the engine is down.
        """
        return await self.answer(await asyncio.gather(*map(self._decoded, files)))

    async def _decoded(self, content: bytes | Problem) -> Item | Problem:
        """Return the picture as the model reads it; decoding takes memory, so that few are decoded at once."""
        if isinstance(content, Problem):
            return content
        try:
            async with asyncio.timeout(self._limits.deadline_s), self._decoding:
                return (await asyncio.to_thread(self._bundle.prepare, [content]))[0]
        except TimeoutError:
            return late(self._limits.deadline_s)
        except DataError as error:
            return invalid(str(error), param="image", code="invalid_image")

    async def classify(self, texts: Sequence[str], *, truncate: bool) -> list[Answered[Labelled] | Problem]:
        """Refuse: a text would be taken for the name of a file."""
        raise wrong_kind(self.name, self.kind)

    def tokens(self, text: str) -> int:
        """Refuse: pictures have none."""
        raise unsupported("input")
