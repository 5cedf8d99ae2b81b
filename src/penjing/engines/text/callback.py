"""Turns what a library hands to a callback into an iterator that can be closed."""

from __future__ import annotations

from collections.abc import Callable, Generator
from queue import SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

from penjing.errors import EngineError, PenjingError

T = TypeVar("T")
Hear = Callable[[T], bool]
"""Takes one part, and returns whether nobody listens any more."""


class _End(Generic[T]):
    """After the last part: the error, where there was one."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error


def called_back(run: Callable[[Hear[T]], None], *, engine: str) -> Generator[T]:
    """Yield what `run` hands to its callback, while it works in a thread of its own.

    Closing the iterator makes the callback return true, which asks the library to stop, and waits for it.

    Raises:
        EngineError: what `run` raised.

    >>> list(called_back(lambda hear: [hear(1), hear(2)] and None, engine="an engine"))
    [1, 2]
    """
    parts: SimpleQueue[T | _End[T]] = SimpleQueue()
    closed = False

    def hear(part: T) -> bool:
        parts.put(part)
        return closed

    def work() -> None:
        try:
            run(hear)
        except Exception as error:  # told to the listener, who raises it
            parts.put(_End(error))
        else:
            parts.put(_End(None))

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        while not isinstance(part := parts.get(), _End):
            yield part
    finally:
        closed = True
        thread.join()
    if isinstance(part.error, PenjingError):
        raise part.error
    if part.error is not None:
        raise EngineError(f"{engine} failed", value=f"{type(part.error).__name__}: {part.error}") from part.error
