"""A process of our own that is asked in JSON lines on stdin and answers in JSON lines on stdout."""

from __future__ import annotations

import json
import os
import subprocess
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import IO, Any, Self, cast

from penjing.errors import EngineError

# Every thread pool an engine or a tokenizer may bring along.
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TBB_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
_STOP_TIMEOUT_S = 5.0


class Child:
    """A process that is ended on the way out; `name` is what errors call it ("the measured process").

    Raises:
        EngineError: the process cannot be started.
    """

    def __init__(self, command: Sequence[str], *, threads: int, name: str) -> None:
        self._name = name
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=os.environ | dict.fromkeys(_THREAD_VARIABLES, str(threads)),
            )
        except OSError as error:
            raise EngineError(f"{name} cannot be started", value=str(error)) from None
        self._lines: SimpleQueue[str | None] = SimpleQueue()  # None: there will be no more
        self._last_words: deque[str] = deque(maxlen=5)
        self._listeners = (Thread(target=self._hear, daemon=True), Thread(target=self._overhear, daemon=True))
        for listener in self._listeners:
            listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def send(self, **request: Any) -> None:
        """Write one request.

        Raises:
            EngineError: the process has ended.
        """
        stdin = cast(IO[str], self._process.stdin)
        try:
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
        except (BrokenPipeError, ValueError):  # the second where it was closed here
            raise self._died() from None

    def receive(self, *, timeout_s: float) -> dict[str, Any]:
        """Return the next answer.

        Raises:
            EngineError: the process has ended, or says nothing for `timeout_s` seconds.
        """
        while True:
            try:
                line = self._lines.get(timeout=timeout_s)
            except Empty:
                raise EngineError(f"{self._name} does not answer", rule=f"within {timeout_s:g} s") from None
            if line is None:
                raise self._died()
            answer = _parsed(line)
            if answer is not None:
                return answer
            self._last_words.append(line.strip())

    def stop(self) -> None:
        """End the process: the end of its input asks it to, and where it does not listen, it is killed."""
        with suppress(BrokenPipeError):
            cast(IO[str], self._process.stdin).close()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._end()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        with suppress(BrokenPipeError):
            cast(IO[str], self._process.stdin).close()
        self._end()

    def _end(self) -> None:
        self._process.wait()
        for listener in self._listeners:
            listener.join(_STOP_TIMEOUT_S)

    def _died(self) -> EngineError:
        code = self._process.wait()
        for listener in self._listeners:
            listener.join(_STOP_TIMEOUT_S)
        return EngineError(f"{self._name} ended with code {code}", value=" ".join(self._last_words))

    def _hear(self) -> None:
        with cast(IO[str], self._process.stdout) as stream:
            for line in stream:
                self._lines.put(line)
        self._lines.put(None)

    def _overhear(self) -> None:
        with cast(IO[str], self._process.stderr) as stream:
            for line in stream:
                self._last_words.append(line.strip())


def _parsed(line: str) -> dict[str, Any] | None:
    """Return a JSON object; None for anything else, such as what a library prints."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
