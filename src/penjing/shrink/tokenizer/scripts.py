"""Writing systems of text, approximated by the names of its characters."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

COMMON = "COMMON"
"""Punctuation, symbols, digits and accents: used with every script."""

USED_FROM = 0.001
"""A script is used where one character in a thousand belongs to it: a stray name is not a language."""

_WIDTHS = ("FULLWIDTH ", "HALFWIDTH ")
_SHARED = frozenset({"", "DIGIT", "COMBINING", "MODIFIER", "VARIATION", "ENCLOSING", "EMOJI"})
_ALIASES = {"IDEOGRAPHIC": "CJK", "KANGXI": "CJK"}


@lru_cache(maxsize=1 << 17)
def script_of(character: str) -> str:
    """Return the script of one character, such as "LATIN" or "CJK", or COMMON.

    >>> script_of("é"), script_of("盆"), script_of("Я"), script_of("ア"), script_of("!")
    ('LATIN', 'CJK', 'CYRILLIC', 'KATAKANA', 'COMMON')
    """
    category = unicodedata.category(character)
    if category[0] not in "LM" and category != "Nd":
        return COMMON
    name = unicodedata.name(character, "")
    for width in _WIDTHS:
        name = name.removeprefix(width)
    first = re.split("[ -]", name, maxsplit=1)[0]
    return COMMON if first in _SHARED else _ALIASES.get(first, first)


def scripts_of(text: str) -> frozenset[str]:
    """Return the scripts of a text: COMMON only where there is no other.

    >>> sorted(scripts_of("食べる!")), sorted(scripts_of("42"))
    (['CJK', 'HIRAGANA'], ['COMMON'])
    """
    found = frozenset(script_of(character) for character in text)
    return found - {COMMON} or found


def script_shares(texts: Iterable[str]) -> Mapping[str, float]:
    """Return the share of each used script among characters that are not spaces; COMMON is always there."""
    characters: Counter[str] = Counter()
    for text in texts:
        characters.update(text)
    scripts: Counter[str] = Counter({COMMON: 0})
    for character, count in characters.items():
        if not character.isspace():
            scripts[script_of(character)] += count
    total = max(1, scripts.total())
    shares = {script: count / total for script, count in scripts.items()}
    return {script: share for script, share in shares.items() if share >= USED_FROM or script == COMMON}
