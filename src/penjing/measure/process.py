"""The measuring side: starts workers, asks them, and ends them."""

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
_ANSWER_TIMEOUT_S = 900.0
_STOP_TIMEOUT_S = 5.0


class Worker:
    """A system under measurement in its own process, speaking the protocol of `penjing.measure.worker`.

    Enter it to wait until it is ready; it is ended on the way out.

    Raises:
        EngineError: the process cannot be started, died, says that it failed, or does not answer in time.
    """

    def __init__(self, command: Sequence[str], *, threads: int, answer_timeout_s: float = _ANSWER_TIMEOUT_S) -> None:
        self._answer_timeout_s = answer_timeout_s
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
            raise EngineError("the measured system cannot be started", value=str(error)) from None
        self._lines: SimpleQueue[str | None] = SimpleQueue()  # None: there will be no more
        self._last_words: deque[str] = deque(maxlen=5)
        self._listeners = (Thread(target=self._hear, daemon=True), Thread(target=self._overhear, daemon=True))
        for listener in self._listeners:
            listener.start()

    def __enter__(self) -> Self:
        try:
            self._read()
        except EngineError:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the answer to one request."""
        stdin = cast(IO[str], self._process.stdin)
        try:
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        return self._read()

    def stop(self) -> None:
        """End the process: the end of its input asks it to, and where it does not listen, it is killed."""
        with suppress(BrokenPipeError):
            cast(IO[str], self._process.stdin).close()
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for listener in self._listeners:
            listener.join(_STOP_TIMEOUT_S)

    def _read(self) -> dict[str, Any]:
        while True:
            try:
                line = self._lines.get(timeout=self._answer_timeout_s)
            except Empty:
                raise EngineError(
                    "the measured process does not answer", rule=f"within {self._answer_timeout_s:g} s"
                ) from None
            if line is None:
                raise self._died()
            answer = _parsed(line)
            if answer is None:
                self._last_words.append(line.strip())
            elif "error" in answer:
                raise EngineError("the measured system failed", value=answer["error"])
            else:
                return answer

    def _died(self) -> EngineError:
        code = self._process.wait()
        for listener in self._listeners:
            listener.join(_STOP_TIMEOUT_S)
        return EngineError(f"the measured process ended with code {code}", value=" ".join(self._last_words))

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
