"""What further examples are worth: heads learned without and with them, judged on dev texts.

Zero, or less, is an answer too: it is what most data sets of a thousand texts and more give.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.data.dataset import Example, Splits
from penjing.measure.verdict import judge
from penjing.progress import Reporter
from penjing.records import Interval, Record
from penjing.select.probes import NGRAMS, encoder_features, fit_head, ngram_features, some_examples
from penjing.spec import Bar

_MOST_LEARNED, _MOST_JUDGED = 2000, 2000

Answers = NDArray[Any]


class Gain(Record):
    """Accuracy on dev by one kind of features, without and with the further examples."""

    name: str
    without: float
    made: float
    gain: float
    gain_ci: Interval
    """95 %, paired."""
    examples: int
    """Learned without the further ones."""
    n: int

    @property
    def says(self) -> str:
        """Return what the interval allows to be said."""
        if self.gain_ci.low > 0:
            return "helps"
        return "harms" if self.gain_ci.high < 0 else "cannot be told from nothing"


def measured_gains(
    splits: Splits,
    more: Sequence[Example],
    *,
    sources: Sequence[int] | None = None,
    models: Sequence[str],
    cache: Path,
    reporter: Reporter,
    seed: int = 13,
) -> list[Gain]:
    """Return what `more` examples gain with n-grams, and with the frozen states of each of `models`.

    Of more than 2,000 training texts so many are drawn, and the same share of `more`; or where `sources` are the places
    of the texts that they were made from, what was made from those.
    """
    places = set(np.random.default_rng(seed).permutation(len(splits.train))[:_MOST_LEARNED].tolist())
    learned = [splits.train[place] for place in sorted(places)]
    used = (
        _thinned(more, len(learned) / len(splits.train), seed)
        if sources is None
        else [one for source, one in zip(sources, more, strict=True) if source in places]
    )
    judged = some_examples(splits.dev, _MOST_JUDGED, seed)
    texts, shown = [one.text for one in (*learned, *used)], [one.text for one in judged]
    truth, right = _truth([*learned, *used], splits), _truth(judged, splits)
    found = []
    for name in (NGRAMS, *models):
        reporter.begin(name if name == NGRAMS else f"{name}, frozen")
        if name == NGRAMS:
            less, both = (ngram_features([part, shown]) for part in (texts[: len(learned)], texts))
        else:
            both = encoder_features(name, [texts, shown], cache=cache, reporter=reporter)
            less = [both[0][: len(learned)], both[1]]
        before = fit_head(less[0], truth[: len(learned)]).predict(less[1])
        after = fit_head(both[0], truth).predict(both[1])
        found.append(_gain(name, right, before, after, examples=len(learned), seed=seed))
        reporter.end(f"{found[-1].without:.4f} -> {found[-1].made:.4f}", reused=False)
    return found


def _thinned(examples: Sequence[Example], share: float, seed: int) -> list[Example]:
    """Return the same share of the further examples as of the others."""
    return some_examples(examples, round(share * len(examples)), seed)


def _gain(name: str, truth: Answers, before: Answers, after: Answers, *, examples: int, seed: int) -> Gain:
    """Return the paired difference: the drop from `before` to `after`, the other way round."""
    verdict = judge(Bar(drop_at_most=0.0), truth, after, before, split="dev", seed=seed)
    assert verdict.drop is not None
    assert verdict.drop_ci is not None
    return Gain(
        name=name,
        without=float(np.mean(before == truth)),
        made=float(np.mean(after == truth)),
        gain=-verdict.drop,
        gain_ci=Interval(low=-verdict.drop_ci.high, high=-verdict.drop_ci.low),
        examples=examples,
        n=len(truth),
    )


def _truth(examples: Sequence[Example], splits: Splits) -> Answers:
    return np.array([splits.labels.index(example.labels[0]) for example in examples])
