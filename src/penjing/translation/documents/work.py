"""What translating a file needs, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from penjing.translation.model import Translation, Translator, Wish

_WINDOW = 512  # texts held at a time


@dataclass(frozen=True)
class Work:
    """A translator and how it is to translate."""

    translator: Translator
    wish: Wish
    column: str = "text"
    """Of .csv, .tsv and .jsonl: the column to translate."""
    progress: Callable[[int], None] = lambda done: None
    """Hears of how many texts are done."""

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """Return the translations of texts, lines being texts of their own."""
        return self.translator.translate(texts, self.wish)

    def translate_entries(self, texts: Sequence[str]) -> list[Translation]:
        """Return the translations of entries, inside which a line may end anywhere."""
        return self.translator.translate(texts, replace(self.wish, lines=False))

    def stream(self, texts: Iterable[str]) -> Iterator[Translation]:
        """Yield the translation of each text, in order, holding no more than 512 at a time."""
        remaining, done = iter(texts), 0
        while chunk := list(islice(remaining, _WINDOW)):
            yield from self.translate(chunk)
            done += len(chunk)
            self.progress(done)


@dataclass
class Outcome:
    """How many texts were translated, and what is wrong with some."""

    texts: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)
    """The source, and what did not survive."""

    def note(self, found: Translation) -> None:
        """Count a translation."""
        self.texts += 1
        if found.problem is not None:
            self.problems.append((found.source, found.problem))
