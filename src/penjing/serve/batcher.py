"""Puts what several clients ask into one batch, as large as its tokens allow; nobody waits for a batch to fill.

One thread runs the engine. While it works, requests gather; when it is free it takes the oldest, sorted by length,
until a batch has as many items or tokens (padding included) as it may. Items that nobody waits for any more are
left out. Where a batch fails, its items are tried one by one, so that one bad item fails alone. A watchman fails
everything that waits when the engine does not come back, and asks it to stop.

Source of the token budget: Hugging Face, text-embeddings-inference (its queue counts padded tokens).
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Any, Generic, TypeVar

from penjing.engines import Item
from penjing.serve.problems import Problem, failed, full, late, unavailable

log = logging.getLogger("penjing.serve")

R = TypeVar("R")
_WATCH_S = 0.1
_WINDOW = 8  # batches' worth of items that are sorted together


@dataclass(frozen=True, slots=True)
class Answered(Generic[R]):
    """One item's answer, and the seconds it waited and was worked on."""

    value: R
    queue_s: float
    compute_s: float
    batch_items: int


@dataclass(eq=False, slots=True)
class _Entry:
    item: Item
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    deadline: float
    came: float = field(default_factory=time.monotonic)


class Batcher(Generic[R]):
    """Answers items by `run`, which takes a batch of them and is called from one thread.

    `interrupt` asks the engine to give up what it is doing, and says whether it can. A batch has at most `most_padded`
    times the tokens of its items, padding included.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Sequence[R]],
        *,
        interrupt: Callable[[], bool],
        batch_items: int,
        batch_tokens: int,
        waiting_items: int,
        waiting_tokens: int,
        wedged_s: float,
        most_padded: float = math.inf,
        observe: Callable[[int, int], None] = lambda items, tokens: None,
    ) -> None:
        self._run, self._interrupt, self._observe = run, interrupt, observe
        self._batch_items, self._batch_tokens = batch_items, batch_tokens
        self._most_items, self._most_tokens, self._wedged_s = waiting_items, waiting_tokens, wedged_s
        self._most_padded = most_padded
        self._waiting: deque[_Entry] = deque()
        self._tokens = 0
        self._changed = Condition()
        self._closed = False
        self._working: list[_Entry] = []
        self._since: float | None = None
        self._wedged = False
        self._second_s = 1e-3  # a smoothed guess of the seconds an item takes
        self._thread = Thread(target=self._work, name="batcher", daemon=True)
        self._thread.start()
        Thread(target=self._watch, name="batcher's watchman", daemon=True).start()

    @property
    def waiting(self) -> tuple[int, int]:
        """Items and tokens that wait."""
        return len(self._waiting), self._tokens

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is worked on."""
        return not self._waiting and self._since is None

    @property
    def healthy(self) -> bool:
        """Whether the engine works and comes back."""
        return self._thread.is_alive() and not self._wedged

    async def answer(self, items: Sequence[Item], *, deadline_s: float) -> list[Answered[R] | Problem]:
        """Return an answer, or what went wrong, for each of `items`.

        Raises:
            Problem: the queue has no room for all of them, or the engine is down.
        """
        loop, deadline = asyncio.get_running_loop(), time.monotonic() + deadline_s
        entries = [_Entry(item, loop.create_future(), loop, deadline) for item in items]
        self._admit(entries)
        try:
            async with asyncio.timeout(deadline_s):
                return [await entry.future for entry in entries]
        except TimeoutError:
            return [_done(entry) or late(deadline_s) for entry in entries]
        finally:
            for entry in entries:
                entry.future.cancel()

    def close(self) -> None:
        """Fail what waits and end the thread when its batch is done."""
        with self._changed:
            self._closed = True
            left, self._waiting, self._tokens = list(self._waiting), deque(), 0
            self._changed.notify_all()
        _tell([(entry, unavailable("draining", "The server is ending.")) for entry in left])

    def join(self, timeout_s: float) -> None:
        """Wait until the thread has ended."""
        self._thread.join(timeout_s)

    def _admit(self, entries: Sequence[_Entry]) -> None:
        """Take all of `entries` or none."""
        tokens = sum(entry.item.length for entry in entries)
        with self._changed:
            if self._closed:
                raise unavailable("draining", "The server is ending.")
            if not self.healthy:
                raise unavailable("engine_failed", "The engine does not answer.", retry_after_s=5.0)
            for what, here, more, most in (
                ("items", len(self._waiting), len(entries), self._most_items),
                ("tokens", self._tokens, tokens, self._most_tokens),
            ):
                if here and here + more > most:  # where nothing waits, whatever a request may hold has room
                    raise full(waiting=here, most=most, what=what, retry_after_s=len(self._waiting) * self._second_s)
            self._waiting.extend(entries)
            self._tokens += tokens
            self._changed.notify()

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            if not batch:
                continue
            began = time.monotonic()
            told = self._answers(batch)
            spent = time.monotonic() - began
            self._second_s += 0.1 * (spent / len(batch) - self._second_s)
            with self._changed:
                self._working, self._since, self._wedged = [], None, False
            self._observe(len(batch), max(entry.item.length for entry in batch) * len(batch))
            _tell(
                [
                    (entry, _answered(entry, found, began, spent, len(batch)))
                    for entry, found in zip(batch, told, strict=True)
                ]
            )

    def _next(self) -> list[_Entry] | None:
        """Return the next batch, once there is one; None when there will be no more."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            if not self._waiting:
                return None
            window = [self._waiting.popleft() for _ in range(min(len(self._waiting), _WINDOW * self._batch_items))]
            now = time.monotonic()
            alive = [entry for entry in window if not entry.future.done() and entry.deadline > now]
            batch, rest = self._cut(alive)
            self._waiting.extendleft(reversed(rest))
            self._tokens -= sum(entry.item.length for entry in window) - sum(entry.item.length for entry in rest)
            self._working, self._since = batch, now if batch else None
            return batch

    def _cut(self, entries: list[_Entry]) -> tuple[list[_Entry], list[_Entry]]:
        """Return a batch with the oldest entry in it and others of about its length, and the rest in its order."""
        if not entries:
            return [], []
        first = entries[0]
        near = sorted(entries[1:], key=lambda entry: abs(entry.item.length - first.item.length))
        batch, longest, own = [first], first.item.length, first.item.length
        for entry in near:
            longest, own = max(longest, entry.item.length), own + entry.item.length
            padded = longest * (len(batch) + 1)
            if len(batch) == self._batch_items or padded > self._batch_tokens or padded > self._most_padded * own:
                break
            batch.append(entry)
        chosen = set(map(id, batch))
        return batch, [entry for entry in entries if id(entry) not in chosen]

    def _answers(self, batch: Sequence[_Entry]) -> list[R | Problem]:
        try:
            return list(self._run([entry.item for entry in batch]))
        except Exception as error:
            if len(batch) == 1 or self._wedged:
                return [_problem(error)] * len(batch)
        return [self._alone(entry) for entry in batch]

    def _alone(self, entry: _Entry) -> R | Problem:
        try:
            return self._run([entry.item])[0]
        except Exception as error:
            return _problem(error)

    def _watch(self) -> None:
        """Fail everything that waits where the engine works on one batch for too long."""
        while self._thread.is_alive() and not self._closed:
            time.sleep(_WATCH_S)
            with self._changed:
                stuck = self._since is not None and time.monotonic() - self._since > self._wedged_s
                if not stuck or self._wedged:
                    continue
                self._wedged = True
                left = [*self._working, *self._waiting]
                self._waiting.clear()
                self._tokens = 0
            _tell([(entry, unavailable("engine_failed", "The engine does not answer.")) for entry in left])
            self._interrupt()


def _answered(entry: _Entry, found: Any, began: float, spent: float, items: int) -> Any:
    return found if isinstance(found, Problem) else Answered(found, began - entry.came, spent, items)


def _done(entry: _Entry) -> Any:
    return entry.future.result() if entry.future.done() and not entry.future.cancelled() else None


def _problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    log.error("an item failed", exc_info=error)
    return failed()


def _tell(found: Sequence[tuple[_Entry, Any]]) -> None:
    """Hand answers to those who wait, one call a loop; a loop that has ended has nobody left."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for entry, value in found:
        by_loop.setdefault(entry.loop, []).append((entry.future, value))
    for loop, pairs in by_loop.items():
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_set, pairs)


def _set(pairs: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, value in pairs:
        if not future.done():
            future.set_result(value)
