"""Terms whose translation is given, and texts translated before: both are honoured to the letter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from penjing.data.catalogue import read_catalogue
from penjing.data.pairs import CATALOGUES
from penjing.data.readers import iter_rows
from penjing.errors import DataError
from penjing.masking import SENTINEL, Protected, Within, protect

_AT_SENTINELS = re.compile(f"({SENTINEL.pattern.replace('(', '(?:')})")
_SYMBOLS = re.compile(r"[\U0001F000-\U0001FAFF\u2600-\u27BF\uFE0F\u200D\u20E3]+")
_MOST_ENTRIES = 1_000_000
_LONGEST_TERM = 200


@dataclass(frozen=True)
class Glossary:
    """Terms with their translations; a term is found as a whole word, the longest first, whatever its case."""

    terms: Mapping[str, str] = field(default_factory=dict)

    def protect(self, text: str, *, within: Within = "text") -> Protected:
        """Return `text` with sentinels for what must survive, for terms and for emoji.

        >>> Glossary({"pull request": "合并请求"}).protect("Open a pull request in {repo} 🎉").kept
        ('{repo}', '合并请求', '🎉')
        """
        masked = protect(text, within=within)
        kept = list(masked.kept)

        def add(stands_for: str) -> str:
            kept.append(stands_for)
            return f"｟{len(kept) - 1}｠"

        parts = []
        for place, part in enumerate(_AT_SENTINELS.split(masked.text)):
            parts.append(part if place % 2 else _SYMBOLS.sub(lambda found: add(found[0]), self._with_terms(part, add)))
        return Protected("".join(parts), tuple(kept))

    def _with_terms(self, text: str, add: Callable[[str], str]) -> str:
        """Return `text` with each term replaced by what `add` makes of its translation."""
        lowered = text.lower()
        if not self._lowered or len(lowered) != len(text):
            return text
        parts, place, begun = [], 0, 0
        while place < len(text):
            length = next((n for n in self._lengths if self._is_term(lowered, place, n)), 0)
            if length:
                parts += [text[begun:place], add(self._lowered[lowered[place : place + length]])]
                place = begun = place + length
            else:
                place += 1
        return "".join([*parts, text[begun:]])

    def _is_term(self, lowered: str, place: int, length: int) -> bool:
        """Return whether a term of this length begins here, and neither end is inside a word."""
        term = lowered[place : place + length]
        if len(term) < length or term not in self._lowered:
            return False
        before, after = lowered[place - 1 : place], lowered[place + length : place + length + 1]
        return not (_joins(before) and _joins(term[0])) and not (_joins(term[-1]) and _joins(after))

    @cached_property
    def _lowered(self) -> dict[str, str]:
        return {term.lower(): translation for term, translation in self.terms.items() if 0 < len(term) <= _LONGEST_TERM}

    @cached_property
    def _lengths(self) -> list[int]:
        return sorted({len(term) for term in self._lowered}, reverse=True)


def _joins(letter: str) -> bool:
    """Return whether a letter is one of a word with spaces around it."""
    return letter.isascii() and (letter.isalnum() or letter == "_")


def read_terms(path: Path) -> dict[str, str]:
    """Return texts with their translations from a catalogue, or the first two columns of .csv, .tsv or .jsonl.

    Raises:
        DataError: the file cannot be read, or a row has not two columns.
    """
    found: dict[str, str] = {}
    for source, target in _rows(path):
        if source.strip() and target.strip():
            found.setdefault(source.strip(), target.strip())
        if len(found) > _MOST_ENTRIES:
            raise DataError("too many entries", value=str(path), rule=f"at most {_MOST_ENTRIES:,}")
    return found


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    if path.suffix.lower() in CATALOGUES:
        yield from read_catalogue(path)
        return
    for number, row in enumerate(iter_rows(path), start=1):
        values = [str(value or "") for value in row.values()]
        if len(values) < 2:
            raise DataError("a row has not two columns", value=f"{path}, row {number}", rule="a text, its translation")
        yield values[0], values[1]
