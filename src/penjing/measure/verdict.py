"""Whether a bar holds: judged paired, on the same examples, by the bootstrap."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.measure.intervals import percentiles
from penjing.measure.metrics import score, weighted_score
from penjing.measure.resample import unique_rows
from penjing.records import Verdict, VerdictWord
from penjing.spec import Bar

MET = 0.95
_MOST_EXAMPLES = 10_000_000
_ROUNDING = 1e-12  # 0.90 - 0.89 is a little more than 0.01

Answers = NDArray[Any]
Floats = NDArray[np.float64]


def judge(bar: Bar, truth: Answers, predicted: Answers, teacher: Answers | None, *, split: str, seed: int) -> Verdict:
    """Return the probability that `bar` holds, and the word for it.

    Of 2,000 resamples of the examples, it is the share in which the metric is at least `at_least` and no more
    than the allowed drop below the teacher on the same resample; a relative drop is taken of the teacher's
    value there. Without a teacher a drop is not measured, and `at_least` alone is judged. What was not
    measured counts as not met. Where no example is answered worse than by the teacher, one more is assumed that
    is: few examples without a miss prove little. Only the teacher itself (`predicted is teacher`) is spared this.
    Sources: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13; Hanley and Lippman-Hand 1983,
    "If Nothing Goes Wrong, Is Everything All Right?".
    """
    if len(truth) == 0:
        return Verdict(word="not met", probability=0.0, drop=None, drop_ci=None, n=0, n_to_decide=None, split=split)
    same = predicted is teacher
    rows = unique_rows([truth, predicted, predicted] if same else _doubted(truth, predicted, teacher))
    values, reference = _resampled(bar, rows.columns, rows.draws(seed=seed))
    margins = bar_margins(bar, values, reference if teacher is not None else None)
    probability = share_cleared(margins)
    word = verdict_word(probability, confidence=bar.confidence)
    drop = drop_ci = None
    if teacher is not None:
        drop = score(bar.metric, truth, teacher) - score(bar.metric, truth, predicted)
        drop_ci = percentiles(reference - values)
    return Verdict(
        word=word,
        probability=probability,
        drop=drop,
        drop_ci=drop_ci,
        n=len(truth),
        n_to_decide=n_to_decide(margins, n=len(truth)) if word == "undecided" else None,
        split=split,
    )


def verdict_word(probability: float, *, confidence: float) -> VerdictWord:
    """Return met at 0.95 (or a higher `confidence`) and more, not met below `confidence`, undecided between.

    >>> [verdict_word(p, confidence=0.5) for p in (0.97, 0.7, 0.3)]
    ['met', 'undecided', 'not met']
    """
    if probability >= max(MET, confidence):
        return "met"
    return "undecided" if probability >= confidence else "not met"


def n_to_decide(margins: Floats, *, n: int) -> int | None:
    """Return about how many examples would bring the probability to 0.95, if the figures stay as they are.

    The spread of a metric shrinks with the square root of n. None where the margin is not above zero, or so small
    that nobody has so many examples: then more would not help.
    """
    margin, spread = float(margins.mean()), float(margins.std())
    if margin <= 0:
        return None
    needed = n * (NormalDist().inv_cdf(MET) * spread / margin) ** 2
    return max(n + 1, ceil(needed)) if needed <= _MOST_EXAMPLES else None


def _doubted(truth: Answers, predicted: Answers, teacher: Answers | None) -> list[Answers]:
    """Return truth, answers and the teacher's, with one more example that is answered worse where none is."""
    reference = predicted if teacher is None else teacher
    worse = _wrong(truth, predicted) if teacher is None else _wrong(truth, predicted) & ~_wrong(truth, teacher)
    if worse.any():
        return [truth, predicted, reference]
    right, wrong = _typical_miss(truth)
    pairs = ((truth, right), (predicted, wrong), (reference, wrong if teacher is None else right))
    return [np.concatenate([whole, more]) for whole, more in pairs]


def _typical_miss(truth: Answers) -> tuple[Answers, Answers]:
    """Return the right and a wrong answer to an example like most, (1,) or (1, labels) each.

    The most frequent class is taken for the second most frequent; of several labels the most frequent one is missed.
    """
    if truth.ndim == 2:
        label = truth.sum(axis=0).argmax()
        right = truth[truth[:, label].argmax()][None]
        wrong = right.copy()
        wrong[0, label] ^= True
        return right, wrong
    classes, counts = np.unique(truth, return_counts=True)
    frequent = classes[np.argsort(-counts, kind="stable")]
    second = frequent[1:2] if len(frequent) > 1 else np.where(frequent == 0, 1, 0)
    return frequent[:1], second.astype(truth.dtype)


def _wrong(truth: Answers, answers: Answers) -> NDArray[np.bool_]:
    differs: NDArray[np.bool_] = np.asarray(truth != answers)
    return differs if truth.ndim == 1 else np.asarray(differs.any(axis=1))


def _resampled(bar: Bar, columns: tuple[Answers, ...], draws: Iterator[NDArray[np.int64]]) -> tuple[Floats, Floats]:
    truth, predicted, compared = columns
    pairs = [
        (weighted_score(bar.metric, truth, predicted, w), weighted_score(bar.metric, truth, compared, w)) for w in draws
    ]
    return np.concatenate([value for value, _ in pairs]), np.concatenate([value for _, value in pairs])


def share_cleared(margins: Floats) -> float:
    """Return the share of resamples that clear the bar."""
    return float((margins >= -_ROUNDING).mean())


def bar_margins(bar: Bar, values: Floats, reference: Floats | None) -> Floats:
    """Return by how much each resample clears the tightest limit; negative where it does not.

    `values` and those of the teacher, `reference`, are gains: negated where less is better.
    """
    margins = []
    if bar.least_gain is not None:
        margins.append(values - bar.least_gain)
    if reference is not None and bar.drop_at_most is not None:
        allowed = np.array([bar.allowed_drop(float(value)) for value in reference])
        margins.append(values - reference + allowed)
    return np.minimum.reduce(margins) if margins else np.full(len(values), -np.inf)
