"""What a model that writes scored on some passages, with its interval, and whether a bar on it holds.

Intervals and verdicts come from the bootstrap over passages, paired where two models were given the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from penjing.measure.intervals import percentiles, wilson
from penjing.measure.resample import RESAMPLES
from penjing.measure.translation import CorpusScored
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

    @property
    def n(self) -> int:
        """How many passages there are."""
        return len(self.amounts)

    def resampled(self, draws: Floats) -> Floats:
        """Return the gains where passage i is there draws[r, i] times."""
        return np.asarray((draws @ self.gains) / (draws @ self.weights))


Score = Scored | CorpusScored


def scored_quality(found: Score, *, split: str, seed: int) -> Quality:
    """Return the value with its interval: Wilson's for exact matches, the bootstrap's otherwise; n counts passages."""
    if isinstance(found, Scored) and found.metric == "exact_match":
        ci = wilson(round(found.amounts.sum()), found.n)
    else:
        values = found.resampled(_drawn(found.n, seed=seed))
        ci = percentiles(-values if found.metric in LESS_IS_BETTER else values)
    return Quality(metric=found.metric, value=found.value, ci=ci, n=found.n, split=split)


def judge_scored(bar: Bar, found: Score, teacher: Score | None, *, split: str, seed: int) -> Verdict:
    """Return the probability that `bar` holds: the share of resamples in which it does; see `judge`.

    The drop is by how much this is worse than the teacher, whichever way the metric points. Where answers match or do
    not and none is worse than the teacher's, one more is assumed that is, as `judge` does.
    """
    here, there = _doubted(found, teacher)
    draws = _drawn(here.n, seed=seed)
    values = here.resampled(draws)
    reference = None if there is None else there.resampled(draws)
    margins = bar_margins(bar, values, reference)
    probability = share_cleared(margins)
    word = verdict_word(probability, confidence=bar.confidence)
    return Verdict(
        word=word,
        probability=probability,
        drop=None if teacher is None else teacher.gain - found.gain,
        drop_ci=None if reference is None else percentiles(reference - values),
        n=found.n,
        n_to_decide=n_to_decide(margins, n=found.n) if word == "undecided" else None,
        split=split,
    )


def _doubted(found: Score, teacher: Score | None) -> tuple[Score, Score | None]:
    """Return both with one more exact answer that this misses, where it misses none that the teacher has."""
    if not isinstance(found, Scored) or not isinstance(teacher, Scored) or found is teacher:
        return found, teacher
    if found.metric != "exact_match" or bool((found.amounts < teacher.amounts).any()):
        return found, teacher
    return _with_a_miss(found, 0.0), _with_a_miss(teacher, 1.0)


def _with_a_miss(found: Scored, amount: float) -> Scored:
    return Scored(found.metric, np.append(found.amounts, amount), np.append(found.weights, 1.0))


def _drawn(n: int, *, seed: int) -> Floats:
    """Return how often each of `n` passages is in each resample, (resamples, passages)."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float64)
