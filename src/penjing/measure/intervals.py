"""95 % intervals: metrics by the bootstrap, proportions by Wilson's formula, timings by their blocks."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.errors import DataError
from penjing.measure.metrics import score, weighted_score
from penjing.measure.resample import RESAMPLES, unique_rows
from penjing.records import Interval, Quality
from penjing.spec import Metric

Answers = NDArray[Any]

_Z = 1.959963984540054  # the normal quantile of 95 %


def quality(metric: Metric, truth: Answers, predicted: Answers, *, split: str, seed: int) -> Quality:
    """Return the metric with its interval: Wilson's for accuracy, the bootstrap's percentiles otherwise.

    Raises:
        DataError: there is no example to measure on.
    """
    if len(truth) == 0:
        raise DataError("no examples to measure on", value=split, rule="at least one")
    value = score(metric, truth, predicted)
    if metric == "accuracy":
        ci = wilson(round(value * len(truth)), len(truth))
    else:
        rows = unique_rows([truth, predicted])
        true, answered = rows.columns
        drawn = [weighted_score(metric, true, answered, weights) for weights in rows.draws(seed=seed)]
        ci = percentiles(np.concatenate(drawn))
    return Quality(metric=metric, value=value, ci=ci, n=len(truth), split=split)


def wilson(successes: int, n: int) -> Interval:
    """Return the score interval of a proportion (Wilson 1927).

    >>> ci = wilson(90, 100)
    >>> round(ci.low, 4), round(ci.high, 4)
    (0.8256, 0.9448)
    """
    share, z2 = successes / n, _Z**2
    centre = share + z2 / (2 * n)
    half = _Z * sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Interval(low=(centre - half) / (1 + z2 / n), high=(centre + half) / (1 + z2 / n))


def percentiles(values: NDArray[Any]) -> Interval:
    """Return the middle 95 % of bootstrap values."""
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(low=float(low), high=float(high))


def median_interval(blocks: Sequence[Sequence[float]], *, seed: int) -> Interval:
    """Return the interval of the median of values that were taken in blocks.

    Values of one block share what else the machine did meanwhile, so they are not independent: blocks are
    resampled first, then the values inside each.
    Source: Davison and Hinkley 1997, "Bootstrap Methods and their Application", section 3.8.
    """
    generator = np.random.default_rng(seed)
    sizes = np.array([len(block) for block in blocks])
    chosen = generator.integers(len(blocks), size=(RESAMPLES, len(blocks)))
    # (resamples, blocks, values): a shorter block is drawn from as often as the longest
    places = (generator.random((RESAMPLES, len(blocks), sizes.max())) * sizes[chosen][..., None]).astype(int)
    starts = np.concatenate([[0], sizes.cumsum()[:-1]])
    values = np.concatenate([np.asarray(block, np.float64) for block in blocks])
    drawn = values[starts[chosen][..., None] + places]
    return percentiles(np.median(drawn.reshape(RESAMPLES, -1), axis=1))
