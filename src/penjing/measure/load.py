"""Load on a server: requests arrive by chance at a given rate, whether earlier ones were answered or not.

Latency counts from the moment at which a request was due, so that a server that stalls cannot hide it by making its
client wait (open loop; Schroeder et al. 2006, "Open Versus Closed: A Cautionary Tale").
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median, quantiles

from penjing.measure.http_client import HttpClient

_FAST = 0.99  # of the requests, that a server must answer to bear a rate


@dataclass(frozen=True)
class Asked:
    """A request to send again and again."""

    path: str
    body: bytes


@dataclass
class Load:
    """What came of one rate."""

    rate: float
    """Requests a second, as they were due."""
    seconds: float
    """Of sending."""
    latencies_s: list[float] = field(default_factory=list)
    """Of those that were answered with 200."""
    errors: Counter[str] = field(default_factory=Counter)
    """By status or kind."""

    @property
    def sent(self) -> int:
        """Requests."""
        return len(self.latencies_s) + sum(self.errors.values())

    @property
    def answered_per_s(self) -> float:
        """Answers a second."""
        return len(self.latencies_s) / self.seconds

    @property
    def share_answered(self) -> float:
        """Of all requests."""
        return len(self.latencies_s) / self.sent if self.sent else 0.0

    def percentile_s(self, percent: int) -> float | None:
        """Return a percentile of the latencies; None where there are fewer than two.

        >>> Load(1.0, 1.0, [0.1, 0.2, 0.3]).percentile_s(50)
        0.2
        """
        if len(self.latencies_s) < 2:
            return None
        if percent == 50:
            return median(self.latencies_s)
        return quantiles(self.latencies_s, n=100, method="inclusive")[percent - 1]


async def measure_load(
    client: HttpClient,
    asked: Sequence[Asked],
    *,
    rate: float,
    seconds: float,
    timeout_s: float,
    seed: int = 0,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> Load:
    """Return what came of `rate` requests a second, drawn from `asked`, sent for `seconds`."""
    draw = random.Random(seed)  # noqa: S311 (arrivals, not a secret)
    found, tasks = Load(rate, seconds), set[asyncio.Task[None]]()
    with _old_objects_kept():
        began = time.perf_counter()
        due = draw.expovariate(rate)
        while due < seconds:
            wait = began + due - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(_one(client, draw.choice(asked), began + due, timeout_s, found))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            progress(due, seconds)
            due += draw.expovariate(rate)
        await asyncio.gather(*tasks)
    return found


@contextmanager
def _old_objects_kept() -> Iterator[None]:
    """Keep the garbage collector from what there is already: its pauses would count as the server's."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _one(client: HttpClient, asked: Asked, due: float, timeout_s: float, found: Load) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            status, _ = await client.ask("POST", asked.path, asked.body)
    except TimeoutError:
        found.errors["timeout"] += 1
    except (OSError, ValueError, EOFError) as error:
        found.errors[type(error).__name__] += 1
    else:
        if status == 200:
            found.latencies_s.append(time.perf_counter() - due)
        else:
            found.errors[str(status)] += 1


def limit_of(lowest: Load) -> float | None:
    """Return the seconds that p99 may take: three times the median at the lowest rate and 5 ms more."""
    middle = lowest.percentile_s(50)
    return None if middle is None else 3 * middle + 0.005


def knee(loads: Sequence[Load], *, limit_s: float | None) -> Load | None:
    """Return the highest rate that is borne: 99 % answered, and p99 within `limit_s`; None where none is."""
    borne = [load for load in loads if load.share_answered >= _FAST and _within(load, limit_s)]
    return max(borne, key=lambda load: load.rate, default=None)


def _within(load: Load, limit_s: float | None) -> bool:
    slowest = load.percentile_s(99)
    return slowest is not None and (limit_s is None or slowest <= limit_s)
