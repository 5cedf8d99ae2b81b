"""Passages as pieces, in windows that a language model reads at once; each piece of a text is scored once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from penjing.data.passages import Passage
from penjing.train.batches import Indices, Tokens, from_rows
from penjing.train.chat_template import ChatTemplate

_OVERLAP = 4  # a window after the first begins with a quarter of pieces that were scored before
Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Windows:
    """Windows of pieces; those from `scored_from[i]` on are scored in window i, which is of passage `passage[i]`."""

    tokens: Tokens
    scored_from: Indices
    passage: Indices
    n_bytes: NDArray[np.float64]
    """Of each passage's text, in UTF-8."""

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class PieceReader:
    """How a model reads passages: its tokenizer, the piece every plain text begins with, and its chat template."""

    tokenizer: Tokenizer
    first: int
    template: ChatTemplate | None

    def read(self, passage: Passage) -> tuple[Ids, Ids]:
        """Return the pieces before the text, one at least, and those of the text with what ends an answer."""
        if not passage.prompt:
            return np.array([self.first], np.int32), self._encode(passage.text)
        if self.template is None:
            question = "\n".join(content for _, content in passage.prompt)
            return np.array([self.first, *self._encode(question + "\n")], np.int32), self._encode(passage.text + "\n")
        before = self._encode(self.template.before_answer(passage.prompt))
        return before, self._encode(self.template.answer(passage.prompt, passage.text))

    def _encode(self, text: str) -> Ids:
        return np.asarray(self.tokenizer.encode(text, add_special_tokens=False).ids, np.int32)


def spread_rows(windows: Windows, count: int) -> Indices:
    """Return about `count` of the windows' numbers, spread over all."""
    return np.unique(np.linspace(0, len(windows) - 1, count).round().astype(np.int64))


def cut_windows(passages: Sequence[Passage], reader: PieceReader, *, most: int) -> Windows:
    """Return the passages in windows of at most `most` pieces.

    Where a prompt is longer than half a window its beginning is left out.
    """
    rows, starts, numbers = [], [], []
    for number, passage in enumerate(passages):
        for ids, start in _windows(*reader.read(passage), most=most):
            rows.append(ids)
            starts.append(start)
            numbers.append(number)
    n_bytes = np.array([len(passage.text.encode()) for passage in passages], np.float64)
    return Windows(from_rows(rows, pad_id=0), np.array(starts, np.int64), np.array(numbers, np.int64), n_bytes)


def _windows(before: Ids, text: Ids, *, most: int) -> Iterator[tuple[Ids, int]]:
    """Yield windows, and where in each the pieces begin that no window before it had."""
    before = before[-(most // 2) :]
    whole = np.concatenate([before, text])
    scored = len(before)
    while scored < len(whole):
        start = 0 if scored == len(before) else scored - most // _OVERLAP
        end = min(len(whole), start + most)
        yield whole[start:end], scored - start
        scored = end
