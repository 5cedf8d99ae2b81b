"""How near translations are to those expected: BLEU and chrF of a corpus, as fractions, with their statistics.

Sources: Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation"; Popović 2015, "chrF:
character n-gram F-score for automatic MT evaluation"; Post 2018, "A Call for Clarity in Reporting BLEU Scores", whose
sacrebleu splits the texts here and agrees to the last digit (tests).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from penjing.errors import MissingExtraError
from penjing.languages import Language
from penjing.spec import Metric

_BLEU_ORDER, _CHRF_ORDER, _BETA = 4, 6, 2.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CorpusScored:
    """Counts of each text; the metric's value is a function of their sums."""

    metric: Metric
    statistics: Floats
    """(texts, counts)."""
    combine: Callable[[Floats], Floats]
    """From sums (resamples, counts) to values (resamples,)."""

    @property
    def n(self) -> int:
        """How many texts there are."""
        return len(self.statistics)

    @property
    def value(self) -> float:
        """Of all texts together."""
        return float(self.combine(self.statistics.sum(axis=0)[None])[0])

    @property
    def gain(self) -> float:
        """The value: more is better."""
        return self.value

    def resampled(self, draws: Floats) -> Floats:
        """Return the values where text i is there draws[r, i] times."""
        return self.combine(draws @ self.statistics)


def signature(metric: Metric, target: Language) -> str:
    """Return what the metric is, as sacrebleu writes it."""
    import sacrebleu

    if metric == "chrf":
        return f"nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{sacrebleu.__version__}"
    return f"nrefs:1|case:mixed|eff:no|tok:{_split_name(target)}|smooth:exp|version:{sacrebleu.__version__}"


def score_translations(
    metric: Metric, translations: Sequence[str], expected: Sequence[str], *, target: Language
) -> CorpusScored:
    """Return the counts of each translation.

    >>> round(score_translations("chrf", ["盆景"], ["盆景园"], target=Language("zh-Hans")).value, 3)
    0.636

    Raises:
        MissingExtraError: sacrebleu is not installed (bleu).
    """
    if metric == "chrf":
        rows = [_chrf_counts(one, other) for one, other in zip(translations, expected, strict=True)]
        return CorpusScored(metric, np.array(rows, np.float64), _chrf)
    split = _splitter(_split_name(target))
    rows = [_bleu_counts(split(one), split(other)) for one, other in zip(translations, expected, strict=True)]
    return CorpusScored(metric, np.array(rows, np.float64), _bleu)


def _bleu_counts(found: list[str], right: list[str]) -> list[int]:
    """Return lengths, then n-grams that match and n-grams there are, for each order."""
    counts = [len(found), len(right)]
    for order in range(1, _BLEU_ORDER + 1):
        one, other = _grams(found, order), _grams(right, order)
        counts += [(one & other).total(), one.total()]
    return counts


def _bleu(sums: Floats) -> Floats:
    """Return BLEU, an order without a match being smoothed as sacrebleu does (exp)."""
    matches, totals = sums[:, 2::2], sums[:, 3::2]
    zeros = np.cumsum((matches == 0) & (totals > 0), axis=1)
    smoothed = np.where(matches > 0, matches, 0.5**zeros)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(smoothed / totals)
        brevity = np.minimum(0.0, 1.0 - sums[:, 1] / sums[:, 0])
        values = np.exp(logs.mean(axis=1) + brevity)
    return np.where((totals > 0).all(axis=1) & (matches[:, 0] > 0), values, 0.0)


def _chrf_counts(found: str, right: str) -> list[int]:
    """Return character n-grams that there are (of orders that are wanted at all), are wanted, and match."""
    one, other = ("".join(text.split()) for text in (found, right))
    counts: list[int] = []
    for order in range(1, _CHRF_ORDER + 1):
        grams, wanted = _grams(one, order), _grams(other, order)
        counts += [grams.total() if wanted else 0, wanted.total(), (grams & wanted).total()]
    return counts


def _chrf(sums: Floats) -> Floats:
    """Return chrF2: the F-score of precision and recall, each the mean of the orders that both sides have."""
    found, wanted, matches = sums[:, 0::3], sums[:, 1::3], sums[:, 2::3]
    there = (found > 0) & (wanted > 0)
    orders = np.maximum(there.sum(axis=1), 1)
    precision = np.where(there, matches / np.maximum(found, 1), 0.0).sum(axis=1) / orders
    recall = np.where(there, matches / np.maximum(wanted, 1), 0.0).sum(axis=1) / orders
    weighted = _BETA**2 * precision + recall
    return np.asarray((1 + _BETA**2) * precision * recall / np.where(weighted > 0, weighted, 1.0))


def _grams(parts: Sequence[str], order: int) -> Counter[Sequence[str]]:
    whole = parts if isinstance(parts, str) else tuple(parts)
    return Counter(whole[start : start + order] for start in range(len(whole) - order + 1))


def _split_name(target: Language) -> str:
    return {"zh": "zh", "ja": "char", "th": "char", "ko": "char"}.get(target.base, "13a")


@cache
def _splitter(name: str) -> Callable[[str], list[str]]:
    try:
        from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
        from sacrebleu.tokenizers.tokenizer_char import TokenizerChar
        from sacrebleu.tokenizers.tokenizer_zh import TokenizerZh
    except ImportError:
        raise MissingExtraError("sacrebleu", extra="translate") from None
    tokenizer = {"zh": TokenizerZh, "char": TokenizerChar, "13a": Tokenizer13a}[name]()
    return lambda text: tokenizer(text.rstrip()).split()
