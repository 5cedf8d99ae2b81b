"""The other side of `penjing.engines.text.worker`: a text engine that can be ended when it hangs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from penjing.child import Child
from penjing.engines.text.base import Chunk, Event, TextRequest, Usage
from penjing.errors import EngineError

LOAD_TIMEOUT_S, ANSWER_TIMEOUT_S = 600.0, 120.0
_CANCEL_TIMEOUT_S = 10.0


def worker_command(engine: str, path: Path, *, threads: int, context: int, parallel: int = 1) -> list[str]:
    """Return the command of the process that runs the model at `path` in `engine`."""
    worker = [sys.executable, "-m", "penjing.engines.text.worker", engine, str(path)]
    return [*worker, "--threads", str(threads), "--context", str(context), "--parallel", str(parallel)]


def await_ready(child: Child) -> Child:
    """Return the worker's process once its model is loaded.

    Raises:
        EngineError: it cannot load the model, dies or falls silent; the process has ended then.
    """
    try:
        answer = child.receive(timeout_s=LOAD_TIMEOUT_S)
    except BaseException:
        child.kill()
        raise
    if "error" in answer:
        child.stop()
        raise EngineError(**answer["error"])
    return child


class ProcessEngine:
    """A text engine in the process that `command` starts; where it dies or hangs, the next request starts another.

    `answer_timeout_s` is the longest silence between two pieces of an answer.

    Raises:
        EngineError: the engine cannot load the model.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, threads: int, answer_timeout_s: float = ANSWER_TIMEOUT_S
    ) -> None:
        self.name, self.parallel = name, 1
        self._command, self._threads, self._answer_timeout_s = command, threads, answer_timeout_s
        self._turn = Lock()
        self._child: Child | None = self._start()

    def stream(self, request: TextRequest) -> Iterator[Event]:
        """Yield what the engine in the process does; closing this ends the answer there too.

        Raises:
            EngineError: the process fails, or is still at another answer.
        """
        with self._alone():
            yield from self._events(request)

    def _events(self, request: TextRequest) -> Iterator[Event]:
        child = self._running()
        child.send(op="stream", request=request.to_json())
        finished = False
        try:
            for answer in self._answers(child, timeout_s=self._answer_timeout_s):
                if "chunk" in answer:
                    yield Chunk(**answer["chunk"])
                elif "usage" in answer:
                    yield Usage(**answer["usage"])
            finished = True
        except EngineError:
            finished = self._child is not None  # otherwise there is no process that could go on
            raise
        finally:
            if not finished and self._child is not None:
                self._cancel(child)

    def peak_memory(self) -> int | None:
        """Return the most bytes that the process has held; None where the system does not say."""
        with self._alone():
            child = self._running()
            child.send(op="memory")
            return int(child.receive(timeout_s=self._answer_timeout_s)["peak_bytes"]) or None

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nobody else ask meanwhile: answers have no names, and would be taken for each other's."""
        if not self._turn.acquire(blocking=False):
            raise EngineError(
                "the model is still at another answer",
                next_step="Read that one to its end or close it first, or open the model once more",
            )
        try:
            yield
        finally:
            self._turn.release()

    def _running(self) -> Child:
        """Return the process, another one where it has ended since it was last asked."""
        if self._child is not None and not self._child.alive:
            self.close()
        self._child = self._child or self._start()
        return self._child

    def _start(self) -> Child:
        return await_ready(Child(self._command, threads=self._threads, name=f"the process of {self.name}"))

    def _answers(self, child: Child, *, timeout_s: float) -> Iterator[dict[str, Any]]:
        """Yield answers up to the last one of a request; a process that fails is ended."""
        while True:
            try:
                answer = child.receive(timeout_s=timeout_s)
            except EngineError:
                child.kill()
                self._child = None
                raise
            if "error" in answer:
                raise EngineError(**answer["error"])
            if answer.get("done"):
                return
            yield answer

    def _cancel(self, child: Child) -> None:
        try:
            child.send(op="cancel")
            for _ in self._answers(child, timeout_s=_CANCEL_TIMEOUT_S):
                pass
        except EngineError:
            self.close()
