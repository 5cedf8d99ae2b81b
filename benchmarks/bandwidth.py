"""How fast memory is read and written here, by threads that copy arrays."""

from __future__ import annotations

import time
from threading import Thread

import numpy as np


def stream_bytes_per_s(*, threads: int) -> float:
    """Return the bytes that `threads` threads read a second, copying arrays that no cache holds; the best of five."""
    each = 256 * 2**20 // 8
    sources, targets = ([np.ones(each) for _ in range(threads)] for _ in range(2))
    found = []
    for _ in range(5):
        workers = [Thread(target=np.copyto, args=pair) for pair in zip(targets, sources, strict=True)]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        found.append(2 * threads * each * 8 / (time.perf_counter() - began))  # read and written
    return max(found)
