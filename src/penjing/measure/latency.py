"""Latency, throughput and memory of several systems, side by side.

Each system runs in a process of its own (two thread pools in one process spin against each other), threads
pinned, on the same texts. They take turns in short blocks, in an order shuffled every round, so that whatever
else the machine does falls on all alike; each block begins with runs that are not counted.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from statistics import median, quantiles

from penjing.errors import DataError, EngineError
from penjing.measure.energy import EnergyMeter, energy_meter
from penjing.measure.intervals import median_interval
from penjing.measure.process import Worker
from penjing.records import Latency

ROUNDS, BLOCK = 8, 30
_WARM_UP = 5
_THROUGHPUT_BATCH = 32
_THROUGHPUT_ROUNDS = 3

Command = Sequence[str]


@dataclass(frozen=True)
class Measured:
    """What was measured of one system; `failed` says why where it did not run."""

    latency: Latency | None
    memory_bytes: int | None
    """The peak of a fresh process that loads and answers at the batch size asked for."""
    throughput_per_s: float | None
    """Texts a second at batch 32."""
    failed: str | None = None
    energy_j: float | None = None
    """Joules of the processor for one batch, while nothing else was measured; None where no counter can be read."""


@dataclass
class _Times:
    total_s: list[list[float]] = field(default_factory=list)  # by block
    engine_s: list[list[float]] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    energy_j: list[float] = field(default_factory=list)  # of a batch, by block
    memory_bytes: int | None = None
    failed: str | None = None


def measure_systems(
    commands: Mapping[str, Command],
    texts: Sequence[str],
    *,
    threads: int,
    batch_size: int = 1,
    rounds: int = ROUNDS,
    block: int = BLOCK,
    seed: int = 0,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> dict[str, Measured]:
    """Return the figures of every system; one that fails does not stop the others.

    `commands` start workers (see `penjing.measure.worker`). Each is timed on `rounds` x `block` batches.

    Raises:
        DataError: there is no text to measure with.
    """
    if not texts:
        raise DataError("no texts to measure with", rule="at least one")
    order = random.Random(seed)  # noqa: S311 (an order, not a secret)
    times, meter = {name: _Times() for name in commands}, energy_meter()
    with ExitStack() as stack:
        workers = _started(stack, commands, times, threads=threads)
        for turn in range(rounds):
            chosen = _block_texts(texts, order, count=block * batch_size)
            names = order.sample(list(workers), len(workers))
            for place, name in enumerate(names, start=1):
                if times[name].failed is None:
                    _take_turn(workers[name], times[name], chosen, meter, batch_size=batch_size)
                progress(turn * len(names) + place, rounds * len(names))
    return {name: _measured(found, batch_size=batch_size, threads=threads, seed=seed) for name, found in times.items()}


def _started(
    stack: ExitStack, commands: Mapping[str, Command], times: Mapping[str, _Times], *, threads: int
) -> dict[str, Worker]:
    """Return the workers that are ready; the others have said why they are not."""
    workers: dict[str, Worker] = {}
    for name, command in commands.items():
        try:
            workers[name] = stack.enter_context(Worker(command, threads=threads))
        except EngineError as error:
            times[name].failed = str(error)
    return workers


def _block_texts(texts: Sequence[str], order: random.Random, *, count: int) -> list[str]:
    if count <= len(texts):
        return order.sample(texts, count)
    return order.choices(texts, k=count)


def _take_turn(
    worker: Worker, times: _Times, texts: Sequence[str], meter: EnergyMeter | None, *, batch_size: int
) -> None:
    try:
        worker.ask(op="time", texts=texts[: _WARM_UP * batch_size], batch_size=batch_size)
        before = meter.read() if meter else ()
        found = worker.ask(op="time", texts=texts, batch_size=batch_size)
        if meter:
            times.energy_j.append(meter.joules_since(before) / max(1, len(found["total_s"])))
        times.total_s.append(found["total_s"])
        times.engine_s.append(found["engine_s"])
        if times.memory_bytes is None:
            times.memory_bytes = worker.ask(op="memory")["peak_bytes"] or None
        if len(times.rates) < _THROUGHPUT_ROUNDS:
            times.rates.append(_rate(worker, texts))
    except EngineError as error:
        times.failed = str(error)
    except KeyError as error:
        times.failed = f"the measured system's answer has no {error}"


def _rate(worker: Worker, texts: Sequence[str]) -> float:
    """Return texts a second of the second of two batches: the first warms up."""
    many = list(islice(chain.from_iterable(repeat(texts)), 2 * _THROUGHPUT_BATCH))
    return _THROUGHPUT_BATCH / float(worker.ask(op="time", texts=many, batch_size=_THROUGHPUT_BATCH)["total_s"][1])


def _measured(times: _Times, *, batch_size: int, threads: int, seed: int) -> Measured:
    total_s = list(chain.from_iterable(times.total_s))
    if times.failed is not None or len(total_s) < 2:
        return Measured(None, None, None, times.failed or "not enough runs")
    latency = Latency(
        p50_s=median(total_s),
        p50_ci=median_interval(times.total_s, seed=seed),
        p95_s=quantiles(total_s, n=20)[-1],
        engine_p50_s=median(chain.from_iterable(times.engine_s)),
        n=len(total_s),
        batch_size=batch_size,
        threads=threads,
    )
    energy_j = median(times.energy_j) if times.energy_j else None
    return Measured(latency, times.memory_bytes, median(times.rates), energy_j=energy_j)


def speed_up(slower: Latency, faster: Latency) -> float | None:
    """Return how many times faster the second is at p50; None, no claim, where their intervals overlap."""
    if faster.p50_ci.high >= slower.p50_ci.low:
        return None
    return slower.p50_s / faster.p50_s
