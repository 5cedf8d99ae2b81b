"""A bundle that writes: its engine in one child process that answers several prompts at once.

llama.cpp puts what is being written into one batch, token by token. A process that dies or falls silent is ended, all
who wait are told, and another one is started.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Literal

from tokenizers import Tokenizer

from penjing.bundle.manifest import Manifest
from penjing.child import Child
from penjing.engines.text.base import Chunk, Event, TextRequest, Usage
from penjing.engines.text.process import await_ready, worker_command
from penjing.errors import EngineError
from penjing.generation.request import Format
from penjing.gguf import read_header
from penjing.serve.metrics import Metrics
from penjing.serve.problems import Problem, full, late, of_error, unavailable
from penjing.serve.settings import Limits

DEFAULT_CONTEXT = 2048
_LISTEN_S = 0.25
_MOST_FAILURES = 3  # in a row, before it is given up

Start = Callable[[], Child]


@dataclass(eq=False)
class _Answer:
    """One prompt that is being answered."""

    loop: asyncio.AbstractEventLoop
    events: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)

    def tell(self, **values: Any) -> None:
        """Hand over what the process said; nothing where its loop has ended."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.events.put_nowait, values)


class Writer:
    """Serves one model; `start` starts its process."""

    kind: Literal["generate"] = "generate"

    def __init__(
        self, name: str, manifest: Manifest, model: Path, *, start: Start, limits: Limits, metrics: Metrics
    ) -> None:
        self.name, self.manifest, self._model = name, manifest, model
        self._start, self._limits, self._metrics = start, limits, metrics
        self._numbers = itertools.count(1)
        self._answers: dict[int, _Answer] = {}
        self._outbox: SimpleQueue[tuple[Child, dict[str, Any]] | None] = SimpleQueue()
        self._closed, self._failures = False, 0
        self._heard = time.monotonic()
        self._child: Child | None = await_ready(start())
        self._threads = (
            Thread(target=self._listen, name=f"listens to {name}", daemon=True),
            Thread(target=self._post, name=f"asks {name}", daemon=True),
        )
        for thread in self._threads:
            thread.start()

    @property
    def format(self) -> Format:
        """How prompts are asked where a client does not say: as the bundle was made."""
        found: Format = self.manifest.input["format"]
        return found

    @property
    def healthy(self) -> bool:
        """Whether there is a process that answers."""
        return self._child is not None and self._child.alive

    @property
    def idle(self) -> bool:
        """Whether nobody waits for it."""
        return not self._answers

    @property
    def waiting(self) -> int:
        """Answers that wait for a turn."""
        return max(0, len(self._answers) - self._limits.streams)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The model's."""
        from penjing.shrink.gguf_vocabulary import read_tokenizer

        return read_tokenizer(self._model)

    def tokens(self, text: str) -> int:
        """Return how many tokens a text has."""
        return len(self.tokenizer.encode(text, add_special_tokens=False).ids)

    async def stream(self, request: TextRequest) -> AsyncIterator[Event]:
        """Yield the pieces of the answers; closing this ends them in the engine.

        Raises:
            Problem: the queue is full, the engine is down or refuses the prompt, or the deadline passed.
        """
        number, answer = self._admit(request)
        finished, began = False, time.monotonic()
        deadline, first = began + self._limits.write_deadline_s, True
        try:
            while not finished:
                said = await self._said(answer, deadline)
                finished = "done" in said or "problem" in said
                if event := _event(said):
                    if first:
                        self._metrics.first_token_seconds.labels(self.name).observe(time.monotonic() - began)
                    first = False
                    yield event
        finally:
            self._answers.pop(number, None)
            if not finished:
                self._send(op="cancel", id=number)

    async def _said(self, answer: _Answer, deadline: float) -> dict[str, Any]:
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                return await answer.events.get()
        except TimeoutError:
            raise late(self._limits.write_deadline_s) from None

    def count(self, usage: Usage) -> None:
        """Add what an answer took to the figures."""
        self._metrics.prompt_tokens.labels(self.name).inc(usage.prompt_tokens or 0)
        self._metrics.written_tokens.labels(self.name).inc(usage.completion_tokens or 0)

    def close(self) -> None:
        """End the process; who still waits is told."""
        self._closed = True
        child, self._child = self._child, None
        if child is not None:
            end = child.kill if self._answers else child.stop
            end()
        self._outbox.put(None)
        for thread in self._threads:
            thread.join(self._limits.deadline_s)
        self._fail_all(unavailable("draining", "The server is ending."))

    def kill(self) -> None:
        """End the process at once, whatever it is doing."""
        if self._child is not None:
            self._child.kill()

    def _admit(self, request: TextRequest) -> tuple[int, _Answer]:
        most = self._limits.streams + self._limits.waiting_streams
        if len(self._answers) >= most:
            raise full(waiting=self.waiting, most=self._limits.waiting_streams, what="answers", retry_after_s=2.0)
        number, answer = next(self._numbers), _Answer(asyncio.get_running_loop())
        self._answers[number] = answer
        if not self._send(op="stream", id=number, request=request.to_json()):
            self._answers.pop(number, None)
            raise unavailable("engine_failed", "The engine is starting again.", retry_after_s=2.0)
        return number, answer

    def _send(self, **values: Any) -> bool:
        """Have a request written to the process by a thread that may wait for it; return whether there is a process."""
        child = self._child
        if child is None or self._closed:
            return False
        self._outbox.put((child, values))
        return True

    def _post(self) -> None:
        while (found := self._outbox.get()) is not None:
            child, values = found
            with suppress(EngineError):  # who listens to it notices that it has ended
                child.send(**values)

    def _listen(self) -> None:
        """Hand on what the process says, watch that it says something, and start another where it ends."""
        while not self._closed:
            child = self._child
            if child is None:
                self._again()
                continue
            try:
                said = child.receive(timeout_s=_LISTEN_S)
            except EngineError:
                silent = bool(self._answers) and time.monotonic() - self._heard > self._limits.silence_s
                if not self._closed and (silent or not child.alive):
                    self._end(child)
                elif not self._answers:
                    self._heard = time.monotonic()
                continue
            self._heard, self._failures = time.monotonic(), 0
            if answer := self._answers.get(said.pop("id", 0)):
                answer.tell(**said)

    def _end(self, child: Child) -> None:
        self._child = None
        child.kill()
        self._fail_all(unavailable("engine_failed", "The engine failed while it was answering.", retry_after_s=2.0))

    def _again(self) -> None:
        if self._failures >= _MOST_FAILURES:
            self._closed = True  # readiness stays red, for whoever watches it
            return
        self._failures += 1
        self._metrics.restarts.labels(self.name).inc()
        try:
            child = await_ready(self._start())
        except EngineError:
            return
        if self._closed:
            child.kill()
            return
        self._child = child
        self._heard = time.monotonic()

    def _fail_all(self, problem: Problem) -> None:
        for answer in list(self._answers.values()):
            answer.tell(problem=problem)


def _event(said: dict[str, Any]) -> Event | None:
    """Return the event that the process told of; None at the end of an answer."""
    if "problem" in said:
        raise said["problem"]
    if "error" in said:
        raise of_error(EngineError(**said["error"]))
    if "chunk" in said:
        return Chunk(**said["chunk"])
    return Usage(**said["usage"]) if "usage" in said else None


def open_writer(
    name: str, manifest: Manifest, model: Path, *, threads: int, context: int | None, limits: Limits, metrics: Metrics
) -> Writer:
    """Return the writer of the file `model`, loaded.

    Raises:
        EngineError: the engine cannot load it.
    """
    began = time.monotonic()
    most = read_header(model).context_length or DEFAULT_CONTEXT
    command: Sequence[str] = worker_command(
        manifest.engine, model, threads=threads, context=min(context or DEFAULT_CONTEXT, most), parallel=limits.streams
    )

    def start() -> Child:
        return Child(command, threads=threads, name=f"the engine of {name}")

    found = Writer(name, manifest, model, start=start, limits=limits, metrics=metrics)
    metrics.load_seconds.labels(name).set(time.monotonic() - began)
    return found
