"""A text told anew by models that write: translated there and back, or said in other words.

Sources: Sennrich et al. 2016, "Improving Neural Machine Translation Models with Monolingual Data" (back-translation);
Dai et al. 2023, "AugGPT".
"""

from __future__ import annotations

from penjing.generation.model import TextModel
from penjing.translation.api import make_wish, translated
from penjing.translation.model import Translator

_ASKED = (
    "Say the text in other words, in its own language. Keep its meaning, its tone and about its length. "
    "Answer with the new text alone."
)


class ThereAndBack:
    """Two translators, the second of which translates into the first one's language."""

    def __init__(self, there: Translator, back: Translator) -> None:
        self._there, self._back = there, back

    def __call__(self, text: str, times: int) -> list[str]:
        """Return at most `times` versions: the translation and its alternatives, each translated back."""
        out = make_wish(self._there, None, None, n_best=min(times, 16))
        found = translated(self._there, [text], out)[0]
        abroad = [found.text, *found.alternatives][:times]
        return [one.text for one in translated(self._back, abroad, make_wish(self._back, None, None))]


class OtherWords:
    """A language model that is asked to say a text in other words."""

    def __init__(self, model: TextModel, *, seed: int = 13) -> None:
        self._model, self._seed = model, seed

    def __call__(self, text: str, times: int) -> list[str]:
        """Return at most `times` versions; those that were cut off are left out."""
        written = self._model.generate(
            text, system=_ASKED, n=times, max_tokens=64 + len(text), temperature=0.9, seed=self._seed
        )
        return [answer.text.strip().strip('"“”') for answer in written.answers if answer.finish_reason == "stop"]
