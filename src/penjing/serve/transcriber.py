"""Whisper online: one recording is heard at a time, the others wait their turn; nobody is heard for whom none waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Literal

from penjing.bundle.manifest import Manifest
from penjing.errors import DataError
from penjing.serve.metrics import Metrics
from penjing.serve.problems import full, invalid, late, unavailable, unsupported
from penjing.serve.settings import Limits
from penjing.sounds.read import read_sound
from penjing.transcription.model import Transcriber, Transcript, Wish

_LOOK_S = 0.25  # between looks whether a client is still there


class _LeftError(Exception):
    """Nobody waits for the transcript any more."""


class TranscriptionService:
    """Serves one Whisper."""

    kind: Literal["transcribe"] = "transcribe"
    batch_items = 1

    def __init__(self, name: str, manifest: Manifest, model: Transcriber, *, limits: Limits, metrics: Metrics) -> None:
        self.name, self.manifest, self._model, self._limits, self._metrics = name, manifest, model, limits, metrics
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"transcribe-{name}")
        self._here = 0
        self._closed = Event()

    @property
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages it knows; none where it knows English alone."""
        return self._model.languages

    @property
    def healthy(self) -> bool:
        """Whether it works."""
        return not self._closed.is_set()

    @property
    def idle(self) -> bool:
        """Whether nobody waits for it."""
        return self._here == 0

    @property
    def waiting(self) -> int:
        """Recordings that wait."""
        return max(0, self._here - 1)

    async def transcribe(
        self, content: bytes, wish: Wish, gone: Callable[[], Awaitable[bool]]
    ) -> tuple[Transcript, float]:
        """Return what the recording says, and how long it waited, in seconds; `gone` says whether nobody waits for it.

        Raises:
            Problem: the queue is full, the recording cannot be read, or there was no transcript in time.
            TaskError: the model does not know the language.
        """
        if self._closed.is_set():
            raise unavailable("draining", "The server is ending.")
        most = self._limits.waiting_recordings
        if self.waiting >= most:
            raise full(waiting=self.waiting, most=most, what="recordings", retry_after_s=5.0)
        left, asked = Event(), time.monotonic()
        begun: list[float] = []

        def run() -> Transcript:
            begun.append(time.monotonic())
            return self._heard(content, wish, left)

        try:
            future = asyncio.get_running_loop().run_in_executor(self._pool, run)
        except RuntimeError:  # closed since
            raise unavailable("draining", "The server is ending.") from None
        self._here += 1
        future.add_done_callback(self._done)
        try:
            async with asyncio.timeout(self._limits.transcribe_deadline_s):
                while not future.done():
                    await asyncio.wait([future], timeout=_LOOK_S)
                    if await gone():
                        left.set()
                found = future.result()
        except TimeoutError:
            raise late(self._limits.transcribe_deadline_s) from None
        finally:
            left.set()
        waited = begun[0] - asked
        self._metrics.queue_seconds.labels(self.name).observe(waited)
        return found, waited

    def _done(self, future: asyncio.Future[Transcript]) -> None:
        self._here -= 1
        if not future.cancelled():
            future.exception()  # one that nobody waits for is not worth a line in the log

    def _heard(self, content: bytes, wish: Wish, left: Event) -> Transcript:
        def go_on(done: float, total: float) -> None:
            if left.is_set() or self._closed.is_set():
                raise _LeftError

        try:
            go_on(0.0, 1.0)
            samples = read_sound(content, most_seconds=self._limits.sound_s)
            return self._model.transcribe(samples, wish, progress=go_on)
        except DataError as error:
            raise invalid(str(error), param="file", code="invalid_audio") from None
        except _LeftError:
            if self._closed.is_set():
                raise unavailable("draining", "The server is ending.") from None
            raise unavailable("left", "Given up, for nobody waits for it.") from None

    def tokens(self, text: str) -> int:
        """Refuse: recordings have none."""
        raise unsupported("input")

    def kill(self) -> None:
        """End after the window of thirty seconds that is heard now."""
        self._closed.set()

    def close(self) -> None:
        """Fail what waits, each with a problem of its own, and end."""
        self._closed.set()
        self._pool.shutdown(wait=True)
