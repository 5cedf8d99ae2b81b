"""The measuring side: starts workers, asks them, and ends them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from penjing.child import Child
from penjing.errors import EngineError

_ANSWER_TIMEOUT_S = 900.0


class Worker(Child):
    """A system under measurement in its own process, speaking the protocol of `penjing.measure.worker`.

    Enter it to wait until it is ready; it is ended on the way out.

    Raises:
        EngineError: the process cannot be started, died, says that it failed, or does not answer in time.
    """

    def __init__(self, command: Sequence[str], *, threads: int, answer_timeout_s: float = _ANSWER_TIMEOUT_S) -> None:
        super().__init__(command, threads=threads, name="the measured process")
        self._answer_timeout_s = answer_timeout_s

    def __enter__(self) -> Self:
        try:
            self._read()
        except EngineError:
            self.stop()
            raise
        return self

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the answer to one request."""
        self.send(**request)
        return self._read()

    def _read(self) -> dict[str, Any]:
        answer = self.receive(timeout_s=self._answer_timeout_s)
        if "error" in answer:
            raise EngineError("the measured system failed", value=answer["error"])
        return answer
