"""What a model that writes scored on some passages, with its interval, and whether a bar on it holds.

Intervals and verdicts come from the bootstrap over passages, paired where two models were given the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penjing.measure.intervals import percentiles, wilson
from penjing.measure.resample import RESAMPLES
from penjing.measure.verdict import bar_margins, n_to_decide, share_cleared, verdict_word
from penjing.records import Quality, Verdict
from penjing.spec import LESS_IS_BETTER, Bar, Metric

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """One amount and one weight a passage; the metric's value is the ratio of their sums."""

    metric: Metric
    amounts: Floats
    weights: Floats

    @property
    def value(self) -> float:
        """Of all passages together.

        >>> Scored("exact_match", np.array([1.0, 0.0]), np.ones(2)).value
        0.5
        """
        return float(self.amounts.sum() / self.weights.sum())

    @property
    def gain(self) -> float:
        """The value, negated where less is better."""
        return float(self.gains.sum() / self.weights.sum())

    @property
    def gains(self) -> Floats:
        """The amounts, negated where less is better."""
        return -self.amounts if self.metric in LESS_IS_BETTER else self.amounts


def scored_quality(found: Scored, *, split: str, seed: int) -> Quality:
    """Return the value with its interval: Wilson's for exact matches, the bootstrap's otherwise; n counts passages."""
    n = len(found.amounts)
    if found.metric == "exact_match":
        ci = wilson(round(found.amounts.sum()), n)
    else:
        ci = percentiles(_resampled(found, found.amounts, _drawn(n, seed=seed)))
    return Quality(metric=found.metric, value=found.value, ci=ci, n=n, split=split)


def judge_scored(bar: Bar, found: Scored, teacher: Scored | None, *, split: str, seed: int) -> Verdict:
    """Return the probability that `bar` holds: the share of resamples in which it does; see `judge`.

    The drop is by how much this is worse than the teacher, whichever way the metric points. Where answers match or do
    not and none is worse than the teacher's, one more is assumed that is, as `judge` does.
    """
    here, there = found, teacher
    if teacher is not None and found is not teacher and _flawless(found, teacher):
        here, there = _with_a_miss(found, 0.0), _with_a_miss(teacher, 1.0)
    draws = _drawn(len(here.amounts), seed=seed)
    values = _resampled(here, here.gains, draws)
    reference = None if there is None else _resampled(there, there.gains, draws)
    margins = bar_margins(bar, values, reference)
    probability = share_cleared(margins)
    word = verdict_word(probability, confidence=bar.confidence)
    return Verdict(
        word=word,
        probability=probability,
        drop=None if teacher is None else teacher.gain - found.gain,
        drop_ci=None if reference is None else percentiles(reference - values),
        n=len(found.amounts),
        n_to_decide=n_to_decide(margins, n=len(found.amounts)) if word == "undecided" else None,
        split=split,
    )


def _flawless(found: Scored, teacher: Scored) -> bool:
    return found.metric == "exact_match" and not bool((found.amounts < teacher.amounts).any())


def _with_a_miss(found: Scored, amount: float) -> Scored:
    return Scored(found.metric, np.append(found.amounts, amount), np.append(found.weights, 1.0))


def _drawn(n: int, *, seed: int) -> Floats:
    """Return how often each of `n` passages is in each resample, (resamples, passages)."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float64)


def _resampled(found: Scored, amounts: Floats, draws: Floats) -> Floats:
    return np.asarray((draws @ amounts) / (draws @ found.weights))
