"""What a model of any depth takes: a fixed part and one part a block, by the length of the text, from a few timings.

Times are affine in the number of blocks, and nearly so in the length between two measured ones. Source of the idea:
Kurtic et al. 2023, "ZipLM" (a table of measured latencies instead of operation counts).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from penjing.errors import DataError
from penjing.records import Record

_EDGES = (8, 16, 32, 64, 128, 256, 512)


class BlockTimes(Record):
    """What one block of these widths adds."""

    heads: int
    ffn: int
    seconds: tuple[float, ...]
    """For each length of the table."""


class LatencyTable(Record):
    """Seconds a batch, by length in pieces."""

    lengths: tuple[float, ...]
    """Of the median batch of each bucket, shortest first."""
    fixed: tuple[float, ...]
    """What a model without blocks would take."""
    blocks: tuple[BlockTimes, ...]

    def predict(self, *, blocks: int, heads: int, ffn: int, length: float) -> float | None:
        """Return the seconds of a model with so many blocks of these widths; None where they are not in the table.

        >>> table = LatencyTable(lengths=(8, 16), fixed=(1, 2), blocks=(BlockTimes(heads=2, ffn=64, seconds=(1, 3)),))
        >>> table.predict(blocks=2, heads=2, ffn=64, length=12)
        5.5
        """
        found = next((block for block in self.blocks if (block.heads, block.ffn) == (heads, ffn)), None)
        if found is None:
            return None
        seconds = np.asarray(self.fixed) + blocks * np.asarray(found.seconds)
        return float(np.interp(length, self.lengths, seconds))


@dataclass(frozen=True, slots=True)
class Timing:
    """The time of one batch, by a model with `blocks` blocks, in one bucket of lengths."""

    blocks: int
    heads: int
    ffn: int
    bucket: int
    seconds: float


def buckets_of(lengths: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Return which texts are in each bucket that is not empty, by their lengths in pieces; shortest first."""
    places = np.digitize(lengths, _EDGES, right=True)
    return [np.flatnonzero(places == place) for place in np.unique(places)]


def fit_table(timings: Sequence[Timing], *, lengths: Sequence[float]) -> LatencyTable:
    """Return the table with the least squared error on the medians of `timings`; `lengths` are the buckets'.

    Raises:
        DataError: a width was timed at fewer than two depths, or a bucket not at all.
    """
    medians = {key: median(values) for key, values in _grouped(timings).items()}
    widths = sorted({(heads, ffn) for _, heads, ffn, _ in medians}, reverse=True)
    solved = [_solve(bucket, medians, widths) for bucket in range(len(lengths))]
    blocks = tuple(
        BlockTimes(heads=heads, ffn=ffn, seconds=tuple(float(found[place + 1]) for found in solved))
        for place, (heads, ffn) in enumerate(widths)
    )
    return LatencyTable(lengths=tuple(lengths), fixed=tuple(float(found[0]) for found in solved), blocks=blocks)


def _grouped(timings: Sequence[Timing]) -> dict[tuple[int, int, int, int], list[float]]:
    found = defaultdict(list)
    for timing in timings:
        found[timing.blocks, timing.heads, timing.ffn, timing.bucket].append(timing.seconds)
    return found


def _solve(
    bucket: int, medians: dict[tuple[int, int, int, int], float], widths: Sequence[tuple[int, int]]
) -> NDArray[np.float64]:
    """Return the fixed part and then the part of a block of each width."""
    rows, seconds = [], []
    for (blocks, heads, ffn, place), value in medians.items():
        if place == bucket:
            rows.append([1.0, *(blocks * ((heads, ffn) == width) for width in widths)])
            seconds.append(value)
    matrix = np.array(rows, np.float64).reshape(-1, len(widths) + 1)
    if np.linalg.matrix_rank(matrix) <= len(widths):
        raise DataError("too few timings for a latency table", rule="two depths of every width in every bucket")
    found: NDArray[np.float64] = np.linalg.lstsq(matrix, np.array(seconds), rcond=None)[0]
    return found


def typical_length(lengths: NDArray[np.int64], *, batch_size: int, seed: int) -> float:
    """Return the length of the median batch: of its longest text, batches drawn at random.

    >>> typical_length(np.array([3, 5, 9]), batch_size=1, seed=0)
    5.0
    """
    if batch_size == 1:
        return float(np.median(lengths))
    return float(np.median([lengths[rows].max() for rows in _batches(len(lengths), batch_size, seed)]))


def _batches(texts: int, batch_size: int, seed: int) -> Iterator[NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    for _ in range(200):
        yield generator.integers(0, texts, batch_size)
