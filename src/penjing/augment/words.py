"""A text told anew with words left out or changing places: the cheapest way, in any language.

Source: Wei and Zou 2019, "EDA: Easy Data Augmentation Techniques for Boosting Performance on Text Classification Tasks"
(random deletion and random swap; a list of synonyms would be needed for the other two).
"""

from __future__ import annotations

import random
import re

_TOUCHED = 0.1  # of the words
_WORD = re.compile(r"[぀-ヿ一-鿿가-힯]|[^\W_]+|.", re.DOTALL)


class ChangedWords:
    """Leaves words out or swaps two; a Chinese or Japanese character is a word. The same seed makes the same texts.

    >>> ChangedWords(seed=1)("the food was good", 2)
    ['the was food good', 'food was good']
    """

    def __init__(self, *, seed: int = 13) -> None:
        self._draw = random.Random(seed)  # noqa: S311 (texts, not secrets)

    def __call__(self, text: str, times: int) -> list[str]:
        """Return `times` versions."""
        units = _WORD.findall(text)
        words = [place for place, unit in enumerate(units) if unit.isalnum()]
        if len(words) < 2:
            return []
        return [self._dropped(units, words) if turn % 2 else self._swapped(units, words) for turn in range(times)]

    def _swapped(self, units: list[str], words: list[int]) -> str:
        found = list(units)
        for _ in range(max(1, round(_TOUCHED * len(words)))):
            one, other = self._draw.sample(words, 2)
            found[one], found[other] = found[other], found[one]
        return "".join(found)

    def _dropped(self, units: list[str], words: list[int]) -> str:
        gone = set(self._draw.sample(words, max(1, round(_TOUCHED * len(words)))))
        return " ".join("".join(unit for place, unit in enumerate(units) if place not in gone).split())
