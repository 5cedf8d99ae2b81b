"""A bundle for pictures, sounds or several inputs behind the same batcher: few files are decoded at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, cast

from penjing.engines import Item
from penjing.engines.mixed import MixedEncoder
from penjing.engines.mixed_inputs import AudioInput, Input
from penjing.engines.pixels import Pixels
from penjing.errors import DataError
from penjing.serve.batcher import Answered
from penjing.serve.classifier import Classifier, Labelled
from penjing.serve.problems import Problem, invalid, late, unsupported, wrong_kind
from penjing.sounds.read import read_sound
from penjing.sounds.spectrogram import Spectrogram, loudest

Row = Mapping[str, Any]
FileKind = Literal["image", "audio", "fused"]


class FileClassifier(Classifier):
    """Serves one bundle for pictures, sounds or rows with several inputs; made by `open_classifier`."""

    def __init__(self, *told: Any, **more: Any) -> None:
        super().__init__(*told, **more)
        self.kind = self.file_kind = cast(FileKind, self.manifest.kind)
        self._decoders = ThreadPoolExecutor(self._limits.decoding, thread_name_prefix=f"decode-{self.name}")

    @property
    def reads(self) -> tuple[Input, ...]:
        """How each of several inputs is read."""
        encoder = self._bundle.encoder
        return encoder.inputs if isinstance(encoder, MixedEncoder) else ()

    async def classify_files(self, files: Sequence[bytes | Row | Problem]) -> list[Answered[Labelled] | Problem]:
        """Return an answer, or what went wrong, for each file; problems stay as they are.

        Raises:
            Problem: the queue is full, or the engine is down.
        """
        return await self.answer(await asyncio.gather(*map(self._decoded, files)))

    async def _decoded(self, content: bytes | Row | Problem) -> Item | Problem:
        """Return the file as the model reads it; decoding takes memory, so that few are decoded at once."""
        if isinstance(content, Problem):
            return content
        try:
            async with asyncio.timeout(self._limits.deadline_s):
                return await asyncio.get_running_loop().run_in_executor(self._decoders, self._item, content)
        except TimeoutError:
            return late(self._limits.deadline_s)
        except DataError as error:
            return invalid(str(error), param=self.kind, code=f"invalid_{self.kind}")

    def _item(self, content: bytes | Row) -> Item:
        framing = self._bundle.framing
        if isinstance(content, Mapping):
            return self._bundle.prepare([self._heard_row(content)])[0]
        found = self._heard(content, framing) if isinstance(framing, Spectrogram) else content
        return self._bundle.prepare([found])[0]

    def _heard_row(self, row: Row) -> Row:
        """Return the row with its sounds as spectrograms, none of them longer than the limit."""
        sounds = {one.name: one.spectrogram for one in self.reads if isinstance(one, AudioInput)}
        return {
            name: self._heard(value, sounds[name]) if name in sounds and isinstance(value, bytes) else value
            for name, value in row.items()
        }

    def _heard(self, content: bytes, spectrogram: Spectrogram) -> Pixels:
        samples = read_sound(content, most_seconds=self._limits.sound_s)
        begin = loudest(samples, spectrogram.length)
        return spectrogram.picture(samples[begin : begin + spectrogram.length])

    def close(self) -> None:
        """Fail what waits, and end."""
        super().close()
        self._decoders.shutdown(wait=False, cancel_futures=True)

    async def classify(self, texts: Sequence[str], *, truncate: bool) -> list[Answered[Labelled] | Problem]:
        """Refuse: a text would be taken for the name of a file."""
        raise wrong_kind(self.name, self.kind)

    def tokens(self, text: str) -> int:
        """Refuse: files have none."""
        raise unsupported("input")
