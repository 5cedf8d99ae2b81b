"""How near written answers are to those expected: the same text, the same words in order, or the same characters.

Sources: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries" (ROUGE-L, its F-measure of precision and
recall); Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation", as sacrebleu computes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from penjing.errors import MissingExtraError
from penjing.measure.scored import Scored
from penjing.spec import Metric

_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"
)


def score_answers(metric: Metric, answers: Sequence[str], expected: Sequence[str]) -> Scored:
    """Return the score of each answer, from 0 to 1, their mean being the value.

    Raises:
        MissingExtraError: sacrebleu is not installed (chrf).
    """
    score = _SCORES[metric]
    found = np.array([score(answer, right) for answer, right in zip(answers, expected, strict=True)], np.float64)
    return Scored(metric, found, np.ones(len(found)))


def exact_match(answer: str, expected: str) -> float:
    """Return 1 where both are the same, but for white space around and between words.

    >>> exact_match(" two  pines\\n", "two pines"), exact_match("Two pines", "two pines")
    (1.0, 0.0)
    """
    return float(answer.split() == expected.split())


def rouge_l(answer: str, expected: str) -> float:
    """Return the F-measure of the longest common subsequence of words; each Chinese character is one.

    >>> round(rouge_l("police kill the gunman", "police killed the gunman"), 2), rouge_l("盆景", "盆景园")
    (0.75, 0.8)
    """
    found, wanted = _words(answer), _words(expected)
    common = common_subsequence(found, wanted)
    return 2 * common / (len(found) + len(wanted)) if common else float(found == wanted)


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Return the length of the longest common subsequence, a row of the table in one integer.

    Source: Hyyrö 2004, "Bit-Parallel LCS-length Computation Revisited".

    >>> common_subsequence("abcbdab", "bdcaba")
    4
    """
    whole = (1 << len(one)) - 1
    places: dict[str, int] = {}
    for place, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << place
    row = whole
    for word in other:
        matched = row & places.get(word, 0)
        row = ((row + matched) | (row - matched)) & whole
    return len(one) - row.bit_count()


def chrf(answer: str, expected: str) -> float:
    """Return chrF of one answer, as a fraction.

    >>> chrf("盆景", "盆景")
    1.0
    """
    return float(_chrf().sentence_score(answer, [expected]).score) / 100


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


@cache
def _chrf() -> Any:
    try:
        from sacrebleu.metrics import CHRF
    except ImportError:
        raise MissingExtraError("sacrebleu", extra="generate") from None
    return CHRF()


_SCORES: Mapping[str, Callable[[str, str], float]] = {"exact_match": exact_match, "rouge_l": rouge_l, "chrf": chrf}
