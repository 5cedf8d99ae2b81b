"""Segments translated by a remote language model that is asked in words."""

from __future__ import annotations

from collections.abc import Sequence

from penjing.engines.translate import Search
from penjing.generation.model import TextModel
from penjing.languages import Pair
from penjing.translation.model import Candidate

_MOST_CHARACTERS = 2000
_SYSTEM = (
    "You translate from {source} to {target}. Answer with the translation alone. Marks such as ｟0｠ stand for things "
    "that must not change: keep each exactly once, where it belongs."
)


class RemoteTranslator:
    """A model behind OpenAI's API, asked segment by segment."""

    name = "remote"
    pairs: Sequence[Pair] = ()
    in_flight = 1
    spare = 0
    again: Sequence[Search] = ()  # asked again in the same words it would answer the same

    def __init__(self, model: TextModel) -> None:
        self._model = model

    def fits(self, text: str) -> bool:
        """Return whether a segment is no longer than a few pages."""
        return len(text) <= _MOST_CHARACTERS

    def length(self, text: str) -> int:
        """Return a guess: the server counts, and does not say before."""
        return max(1, len(text) // 3)

    def translate(self, texts: Sequence[str], pair: Pair, search: Search) -> list[list[Candidate]]:
        """Return `hypotheses` answers to each segment."""
        system = _SYSTEM.format(source=pair[0].name, target=pair[1].name)
        found = []
        for text in texts:
            written = self._model.generate(
                text, system=system, max_tokens=16 + 4 * len(text), temperature=0.0, n=search.hypotheses
            )
            found.append(
                [Candidate(answer.text.strip(), None, answer.finish_reason == "stop") for answer in written.answers]
            )
        return found

    def close(self) -> None:
        """Close the connections."""
        self._model.close()
