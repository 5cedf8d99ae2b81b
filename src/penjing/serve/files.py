"""A bundle for pictures or sounds behind the same batcher: files in, predictions out, few of them decoded at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal, cast

from penjing.engines import Item
from penjing.errors import DataError
from penjing.serve.batcher import Answered
from penjing.serve.classifier import Classifier, Labelled
from penjing.serve.problems import Problem, invalid, late, unsupported, wrong_kind
from penjing.sounds.read import read_sound
from penjing.sounds.spectrogram import Spectrogram, loudest

FileKind = Literal["image", "audio"]


class FileClassifier(Classifier):
    """Serves one bundle for pictures or sounds; made by `open_classifier`."""

    def __init__(self, *told: Any, **more: Any) -> None:
        super().__init__(*told, **more)
        self.kind = self.file_kind = cast(FileKind, self.manifest.kind)
        self._decoding = asyncio.Semaphore(self._limits.decoding)

    async def classify_files(self, files: Sequence[bytes | Problem]) -> list[Answered[Labelled] | Problem]:
        """Return an answer, or what went wrong, for each file; problems stay as they are.

        Raises:
            Problem: the queue is full, or the engine is down.
        """
        return await self.answer(await asyncio.gather(*map(self._decoded, files)))

    async def _decoded(self, content: bytes | Problem) -> Item | Problem:
        """Return the file as the model reads it; decoding takes memory, so that few are decoded at once."""
        if isinstance(content, Problem):
            return content
        try:
            async with asyncio.timeout(self._limits.deadline_s), self._decoding:
                return await asyncio.to_thread(self._item, content)
        except TimeoutError:
            return late(self._limits.deadline_s)
        except DataError as error:
            return invalid(str(error), param=self.kind, code=f"invalid_{self.kind}")

    def _item(self, content: bytes) -> Item:
        framing = self._bundle.framing
        if not isinstance(framing, Spectrogram):
            return self._bundle.prepare([content])[0]
        samples = read_sound(content, most_seconds=self._limits.sound_s)
        begin = loudest(samples, framing.length)
        return self._bundle.prepare([framing.picture(samples[begin : begin + framing.length])])[0]

    async def classify(self, texts: Sequence[str], *, truncate: bool) -> list[Answered[Labelled] | Problem]:
        """Refuse: a text would be taken for the name of a file."""
        raise wrong_kind(self.name, self.kind)

    def tokens(self, text: str) -> int:
        """Refuse: files have none."""
        raise unsupported("input")
