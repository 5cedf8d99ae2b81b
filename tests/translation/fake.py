"""A translator of segments whose answers are set by the test; it notes what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from penjing.engines.translate import Search
from penjing.languages import Pair, language
from penjing.translation.model import Candidate, Translator, Wish

PAIR = (language("en"), language("zh"))
Answer = Callable[[str, Search], list[Candidate]]


def shouted(text: str, search: Search) -> list[Candidate]:
    """Translate by upper case."""
    return [Candidate(text.upper(), -1.0)]


class Fake:
    name = "fake"
    pairs: Sequence[Pair] = (PAIR,)
    spare = 0
    again = (Search(beam=6, hypotheses=6), Search(beam=2, hypotheses=2, no_repeat=4))

    def __init__(self, answer: Answer = shouted, *, longest: int = 1000, in_flight: int = 1) -> None:
        self.answer, self.longest, self.in_flight = answer, longest, in_flight
        self.asked: list[tuple[str, Search]] = []

    def fits(self, text: str) -> bool:
        return len(text) <= self.longest

    def length(self, text: str) -> int:
        return len(text)

    def translate(self, texts: Sequence[str], pair: Pair, search: Search) -> list[list[Candidate]]:
        self.asked += [(text, search) for text in texts]
        return [self.answer(text, search) for text in texts]

    def close(self) -> None:
        pass


def translated(texts: Sequence[str], fake: Fake, **wishes: object) -> list[str]:
    """Return what a translator over `fake` makes of `texts`."""
    found = Translator("fake", fake).translate(texts, Wish(PAIR, **wishes))  # type: ignore[arg-type]
    return [one.text for one in found]
