"""How fast this machine computes and reads memory, measured in a second and kept until the machine changes.

A product of matrices is timed in float32, and a copy of more bytes than any cache holds: the two roofs of Williams et
al. 2009, "Roofline". The best of some repetitions counts, for whatever else runs can only slow it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from penjing.catalog.facts import Device
from penjing.errors import StorageError
from penjing.measure.decode_terms import kept_terms
from penjing.measure.machine import keep, kept_file, machine
from penjing.records import Record

WIDTH, _COPIED = 1024, 128_000_000
_REPETITIONS = 5
_BUSY = 0.5  # of the cores
_WATTS_A_CORE = 10.0


class Compute(Record):
    """What was measured here, with all cores."""

    float32: float
    """Operations a second; a multiplication with its addition counts as two."""
    bandwidth: float
    """Bytes a second, read and written."""
    bfloat16: float | None = None
    """Of torch's products of matrices; with `int8` measured by `penjing calibrate`."""
    int8: float | None = None
    """Of ONNX Runtime's."""


def measured_compute(cache: Path) -> Compute:
    """Return how fast this machine is: measured now, or before, where `cache` has it."""
    path = kept_file(cache, "compute")
    try:
        return Compute.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = measure_compute()
    if os.getloadavg()[0] > _BUSY * machine().cores:
        return found  # something else ran: to be measured again the next time
    with suppress(StorageError):  # it is measured again the next time
        keep(path, found)
    return found


def this_device(cache: Path) -> Device:
    """Return this machine as a device, measured; its watts are a guess from its cores."""
    here, found = machine(), measured_compute(cache)
    return Device(
        name="here", title="this machine", kind="cpu", cores=here.cores, float32=found.float32,
        bfloat16=found.bfloat16, int8=found.int8, memory=here.memory_bytes or 1e12, bandwidth=found.bandwidth,
        watts=_WATTS_A_CORE * here.cores, source="measured here", effective=True, unchecked=("watts",),
        decode=kept_terms(cache),
    )  # fmt: skip


def measure_compute() -> Compute:
    """Return how fast this machine is, measured now."""
    left = np.ones((WIDTH, WIDTH), np.float32)
    result = np.empty_like(left)
    source = np.ones(_COPIED // 8)
    target = np.empty_like(source)
    product_s = best_of(lambda: np.matmul(left, left, out=result))
    copy_s = best_of(lambda: np.copyto(target, source))
    return Compute(float32=2.0 * WIDTH**3 / product_s, bandwidth=2.0 * _COPIED / copy_s)


def best_of(work: Callable[[], object]) -> float:
    """Return the seconds of the quickest repetition after the first."""
    work()
    found = []
    for _ in range(_REPETITIONS):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)
