"""Word and character error rates of transcripts, with an interval.

Words are compared in lower case without punctuation; of languages without spaces use characters.

Sources: Levenshtein 1966 (the fewest substitutions, insertions and deletions that turn one text into the other);
Bisani and Ney 2004, "Bootstrap estimates for confidence intervals in ASR performance evaluation" (recordings are drawn
again, errors and lengths together).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Unit = Literal["word", "character"]
Verdict = Literal["met", "undecided", "not met"]
_ROUNDS = 1000
_NO_LETTER = re.compile(r"[^\w\s']|_", re.UNICODE)
_LONE_QUOTE = re.compile(r"(?<!\w)'|'(?!\w)")


@dataclass(frozen=True, slots=True)
class ErrorRate:
    """Errors for each word or character of the references; may be more than 1."""

    value: float
    low: float
    high: float
    errors: int
    units: int
    n: int
    """Recordings."""

    def verdict(self, at_most: float) -> Verdict:
        """Return whether a bar holds: met or not met where all of the interval says so, else undecided.

        >>> ErrorRate(0.1, 0.08, 0.12, errors=10, units=100, n=9).verdict(0.11)
        'undecided'
        """
        return "met" if self.high <= at_most else "not met" if self.low > at_most else "undecided"


def error_rate(references: Sequence[str], found: Sequence[str], *, unit: Unit = "word", seed: int = 0) -> ErrorRate:
    """Return the error rate of transcripts beside what was said, with a 95 % interval by bootstrap.

    >>> error_rate(["Turn left!", "Stop."], ["turn right", "stop"]).value
    0.3333333333333333

    Raises:
        ValueError: there are none, not as many of both, or no reference has a word.
    """
    if not references or len(references) != len(found):
        raise ValueError(f"{len(references)} references, {len(found)} transcripts")
    pairs = [(_units(one, unit), _units(other, unit)) for one, other in zip(references, found, strict=True)]
    errors = np.array([edit_distance(one, other) for one, other in pairs])
    lengths = np.array([len(one) for one, _ in pairs])
    if not lengths.sum():
        raise ValueError("no reference has a word")
    rows = np.random.default_rng(seed).integers(0, len(pairs), (_ROUNDS, len(pairs)))
    drawn = errors[rows].sum(1) / np.maximum(1, lengths[rows].sum(1))
    low, high = np.quantile(drawn, [0.025, 0.975])
    total = int(lengths.sum())
    return ErrorRate(float(errors.sum() / total), float(low), float(high), int(errors.sum()), total, len(pairs))


def spoken(text: str) -> str:
    """Return a text as it is compared.

    >>> spoken("Well -- it's  the 'end', isn't it?")
    "well it's the end isn't it"
    """
    plain = _NO_LETTER.sub(" ", unicodedata.normalize("NFKC", text).casefold().replace("’", "'"))
    return " ".join(_LONE_QUOTE.sub(" ", plain).split())


def _units(text: str, unit: Unit) -> list[str]:
    plain = spoken(text)
    return plain.split() if unit == "word" else list(plain.replace(" ", ""))


def edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many units to replace, insert or delete to turn `one` into `other`.

    >>> edit_distance("kitten", "sitting")
    3
    """
    row = list(range(len(other) + 1))
    for down, left in enumerate(one, start=1):
        before, row[0] = row[0], down
        for across, right in enumerate(other, start=1):
            before, row[across] = row[across], min(row[across] + 1, row[across - 1] + 1, before + (left != right))
    return row[-1]
