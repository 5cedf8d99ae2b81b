"""Terms whose translation is given, and texts translated before: both are honoured to the letter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from penjing.data.catalogue import read_catalogue
from penjing.data.pairs import CATALOGUES
from penjing.data.readers import iter_rows
from penjing.errors import DataError
from penjing.masking import MOST_SENTINELS, SENTINELS, Protected, protect

_SYMBOLS = r"[\U0001F000-\U0001FAFF\u2600-\u27BF\uFE0F\u200D\u20E3]+"
_MOST_ENTRIES = 1_000_000


@dataclass(frozen=True)
class Glossary:
    """Terms with their translations; a term is found as a whole word, the longest first, whatever its case."""

    terms: Mapping[str, str] = field(default_factory=dict)

    def protect(self, text: str) -> Protected:
        """Return `text` with sentinels for what must survive, for terms and for emoji.

        >>> Glossary({"pull request": "合并请求"}).protect("Open a pull request in {repo} 🎉").kept
        ('{repo}', '合并请求', '🎉')
        """
        masked = protect(text)
        kept = list(masked.kept)

        def sentinel(found: re.Match[str]) -> str:
            if len(kept) == MOST_SENTINELS:
                return found[0]
            kept.append(self._lowered.get(found[0].lower(), found[0]))
            return SENTINELS[len(kept) - 1]

        return Protected(self._pattern.sub(sentinel, masked.text), tuple(kept))

    @cached_property
    def _lowered(self) -> dict[str, str]:
        return {term.lower(): translation for term, translation in self.terms.items()}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        words = sorted(self.terms, key=len, reverse=True)
        alternatives = [_bounded(word) for word in words]
        return re.compile("|".join([*alternatives, _SYMBOLS]), re.IGNORECASE)


def _bounded(word: str) -> str:
    """Return the pattern of a term that does not begin or end inside a word, where words have ends."""
    before = r"(?<![A-Za-z0-9_])" if word[:1].isascii() else ""
    after = r"(?![A-Za-z0-9_])" if word[-1:].isascii() else ""
    return f"{before}{re.escape(word)}{after}"


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
