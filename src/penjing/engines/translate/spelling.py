"""How texts become the pieces of a model that translates, and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

OWN_SENTINEL = "｟{}｠"
_SENTINEL = re.compile(r"｟(\d+)｠")


@dataclass(frozen=True)
class Spelling:
    """The tokenizers of both sides, and the pieces around each text."""

    source: Tokenizer
    target: Tokenizer
    prefix: tuple[str, ...] = ()
    """Pieces before each source, such as its language."""
    suffix: tuple[str, ...] = ("</s>",)
    """Pieces after each text."""
    begin: tuple[str, ...] = ()
    """Pieces with which each translation begins, such as its language."""
    sentinel: str = OWN_SENTINEL
    """How the model is shown what it is to copy; other forms are for models that never saw ours."""

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the pieces of each source."""
        found = _encoded(self.source, self._shown(texts))
        return [[*self.prefix, *one.tokens, *self.suffix] for one in found]

    def target_pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the pieces of each translation, as a model learns them."""
        found = _encoded(self.target, self._shown(texts))
        return [[*self.begin, *one.tokens, *self.suffix] for one in found]

    @property
    def target_names(self) -> tuple[str, ...]:
        """Return all pieces of translations, in the order of their numbers."""
        return tuple(str(self.target.id_to_token(number)) for number in range(self.target.get_vocab_size()))

    def length(self, text: str) -> int:
        """Return how many pieces a source has."""
        return len(_encoded(self.source, [text])[0].tokens)

    def text(self, pieces: Sequence[str]) -> str:
        """Return the text of a translation's pieces."""
        decoder = self.target.decoder
        text = decoder.decode(list(pieces)).strip() if decoder is not None else "".join(pieces)
        before, after = (re.escape(part) for part in self.sentinel.split("{}"))
        return re.sub(rf"{before}\s*(\d+)\s*{after}", r"｟\1｠", text)

    def _shown(self, texts: Sequence[str]) -> list[str]:
        return [_SENTINEL.sub(lambda found: self.sentinel.format(found[1]), text) for text in texts]


def _encoded(tokenizer: Tokenizer, texts: Sequence[str]) -> list[Any]:
    return tokenizer.encode_batch(list(texts), add_special_tokens=False)
