"""What more examples would bring: errors fall as a power of their number.

Source: Cortes et al. 1993, "Learning Curves: Asymptotic Values and Rate of Convergence"; Hestness et al. 2017, "Deep
Learning Scaling is Predictable, Empirically". The interval is the bootstrap's over the texts that were judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.measure.intervals import percentiles
from penjing.records import Interval, Record

_RESAMPLES = 1000
_LEAST_ERRORS = 0.5  # added to the errors counted, so that none has a logarithm

Rights = NDArray[np.bool_]


class LearningCurve(Record):
    """Accuracy at some numbers of examples, and what `more` of them are expected to add."""

    examples: tuple[int, ...]
    accuracy: tuple[float, ...]
    more: int
    gain: float
    """Expected rise of the accuracy; the interval is 95 %."""
    gain_ci: Interval


def learning_curve(examples: Sequence[int], rights: Sequence[Rights], *, more: int, seed: int = 13) -> LearningCurve:
    """Return the curve through what was right on the same texts after so many `examples`, ascending.

    >>> right = np.arange(1000) % 10 > 0
    >>> curve = learning_curve([100, 200], [right, right], more=200)
    >>> curve.accuracy, round(abs(curve.gain), 6)
    ((0.9, 0.9), 0.0)

    Raises:
        ValueError: there are fewer than two sizes.
    """
    if len(examples) < 2:
        raise ValueError("a curve needs two sizes")
    judged = np.stack(rights).astype(np.float64)
    n = judged.shape[1]
    patterns, times = np.unique(judged, axis=1, return_counts=True)
    counts = np.random.default_rng(seed).multinomial(n, times / n, size=_RESAMPLES)
    resampled = 1 - counts @ patterns.T / n  # (resamples, sizes)
    gains = _gains(np.asarray(examples, np.float64), resampled, more, n=n)
    found = _gains(np.asarray(examples, np.float64), 1 - judged.mean(axis=1)[None], more, n=n)[0]
    return LearningCurve(
        examples=tuple(examples),
        accuracy=tuple(float(value) for value in judged.mean(axis=1)),
        more=more,
        gain=float(found),
        gain_ci=percentiles(gains),
    )


def _gains(examples: NDArray[Any], errors: NDArray[Any], more: int, *, n: int) -> NDArray[np.float64]:
    """Return for each row of errors how much less the last one is expected to be; a curve that rises gains nothing."""
    logs = np.log(np.maximum(errors, _LEAST_ERRORS / n))
    x = np.log(examples) - np.log(examples).mean()
    slopes = np.minimum(0.0, (logs * x).sum(axis=1) / (x**2).sum())
    last = np.exp(logs.mean(axis=1) + slopes * x[-1])
    further = last * ((examples[-1] + more) / examples[-1]) ** slopes
    found: NDArray[np.float64] = last - further
    return found
