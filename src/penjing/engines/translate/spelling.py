"""How texts become the pieces of a model that translates, and back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
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
        found = self._numbers(self.source, texts)
        return [[*self.prefix, *map(self._source_names.__getitem__, one), *self.suffix] for one in found]

    def target_pieces(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the pieces of each translation, as a model learns them."""
        found = self._numbers(self.target, texts)
        return [[*self.begin, *map(self.target_names.__getitem__, one), *self.suffix] for one in found]

    @cached_property
    def target_names(self) -> tuple[str, ...]:
        """Return all pieces of translations, in the order of their numbers."""
        return _names(self.target)

    def length(self, text: str) -> int:
        """Return how many pieces a source has."""
        return len(self._numbers(self.source, [text])[0])

    def text(self, pieces: Sequence[str]) -> str:
        """Return the text of a translation's pieces."""
        decoder = self.target.decoder
        text = decoder.decode(list(pieces)).strip() if decoder is not None else "".join(pieces)
        before, after = self.sentinel.split("{}")
        if before not in text:
            return text
        return re.sub(rf"{re.escape(before)}\s*(\d+)\s*{re.escape(after)}", r"｟\1｠", text)

    @cached_property
    def _source_names(self) -> tuple[str, ...]:
        return self.target_names if self.source is self.target else _names(self.source)

    def _numbers(self, tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
        """Return the numbers of the pieces of each text, without their offsets, which take longer."""
        found: list[Any] = tokenizer.encode_batch_fast(self._shown(texts), add_special_tokens=False)
        return [one.ids for one in found]

    def _shown(self, texts: Sequence[str]) -> list[str]:
        return [_SENTINEL.sub(lambda found: self.sentinel.format(found[1]), text) for text in texts]


def _names(tokenizer: Tokenizer) -> tuple[str, ...]:
    return tuple(str(tokenizer.id_to_token(number)) for number in range(tokenizer.get_vocab_size()))
