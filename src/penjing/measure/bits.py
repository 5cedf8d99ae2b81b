"""Bits per byte of a language model, with their interval, and whether a bar on them holds.

Bits per byte compare models of different vocabularies: the negative log2-likelihood of a text divided by its UTF-8
bytes. Intervals and verdicts come from the bootstrap over passages, paired where two models read the same ones.
Source: Gao et al. 2020, "The Pile", section 3.1 (bits per UTF-8 encoded byte).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from penjing.measure.intervals import percentiles
from penjing.measure.resample import RESAMPLES
from penjing.measure.verdict import n_to_decide, verdict_word
from penjing.records import Quality, Verdict
from penjing.spec import Bar

METRIC = "bits_per_byte"
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Surprise:
    """What a model made of some passages: the nats of each, and its bytes."""

    nats: Floats
    n_bytes: Floats

    @property
    def bits_per_byte(self) -> float:
        """Of all passages together.

        >>> Surprise(np.array([log(2) * 8, 0.0]), np.array([4.0, 4.0])).bits_per_byte
        1.0
        """
        return float(self.nats.sum() / log(2) / self.n_bytes.sum())


def bits_quality(found: Surprise, *, split: str, seed: int) -> Quality:
    """Return bits per byte with the bootstrap's interval; n is the number of passages."""
    drawn = _resampled(found, _weights(len(found.nats), seed=seed))
    return Quality(metric=METRIC, value=found.bits_per_byte, ci=percentiles(drawn), n=len(found.nats), split=split)


def judge_bits(bar: Bar, found: Surprise, teacher: Surprise | None, *, split: str, seed: int) -> Verdict:
    """Return the probability that `bar` holds: the share of resamples in which it does; see `judge`.

    The drop is how many bits per byte more this needs than the teacher.
    """
    weights = _weights(len(found.nats), seed=seed)
    values = _resampled(found, weights)
    reference = None if teacher is None else _resampled(teacher, weights)
    margins = []
    if bar.at_most is not None:
        margins.append(bar.at_most - values)
    if reference is not None and bar.drop_at_most is not None:
        allowed = np.array([bar.allowed_drop(float(value)) for value in reference])
        margins.append(reference + allowed - values)
    margin = np.minimum.reduce(margins) if margins else np.full(len(values), -np.inf)
    probability = float((margin >= 0).mean())
    word = verdict_word(probability, confidence=bar.confidence)
    return Verdict(
        word=word,
        probability=probability,
        drop=None if teacher is None else found.bits_per_byte - teacher.bits_per_byte,
        drop_ci=None if reference is None else percentiles(values - reference),
        n=len(found.nats),
        n_to_decide=n_to_decide(margin, n=len(found.nats)) if word == "undecided" else None,
        split=split,
    )


def _weights(n: int, *, seed: int) -> Floats:
    """Return how often each of `n` passages is in each resample, (resamples, passages)."""
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float64)


def _resampled(found: Surprise, weights: Floats) -> Floats:
    return np.asarray((weights @ found.nats) / log(2) / (weights @ found.n_bytes))
