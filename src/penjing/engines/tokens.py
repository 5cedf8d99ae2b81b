"""Texts as padded piece ids: what transformer engines take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Encoding, Tokenizer

from penjing.engines.base import Batch, Item
from penjing.errors import EngineError


class TokenEncoder:
    """Tokenizes with tokenizer.json, cuts to `max_length`, pads to the longest text of the batch."""

    def __init__(self, path: Path, *, max_length: int, pad_id: int) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception for files it cannot parse
            raise EngineError("tokenizer.json cannot be read", value=str(error)) from error
        self._tokenizer.enable_truncation(max_length)
        self._tokenizer.no_padding()
        self._pad_id = pad_id

    @classmethod
    def from_settings(cls, settings: dict[str, Any], folder: Path) -> TokenEncoder:
        """Return the encoder a manifest describes."""
        return cls(
            folder / settings["tokenizer"],
            max_length=int(settings["max_length"]),
            pad_id=int(settings["pad_id"]),
        )

    def encode(self, texts: Sequence[str]) -> Batch:
        """Return input_ids and attention_mask, int64 (batch, length)."""
        return self._padded([encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))])

    def prepare(self, texts: Sequence[str]) -> list[Item]:
        """Return the piece ids of each text; lengths count pieces, special ones too."""
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        return [Item(encoding.ids, len(encoding.ids), _whole_length(encoding)) for encoding in encodings]

    def collate(self, items: Sequence[Item]) -> Batch:
        """Return input_ids and attention_mask, int64 (batch, length)."""
        return self._padded([item.values for item in items])

    def _padded(self, rows: Sequence[Sequence[int]]) -> Batch:
        length = max((len(row) for row in rows), default=0)
        ids = np.full((len(rows), length), self._pad_id, np.int64)
        mask = np.zeros((len(rows), length), np.int64)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = row
            mask[index, : len(row)] = 1
        return {"input_ids": ids, "attention_mask": mask}

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Return an estimate of the number of pieces that costs no tokenizing: the number of characters."""
        return [len(text) for text in texts]


def _whole_length(encoding: Encoding) -> int:
    """Return how many pieces the text would have had uncut."""
    return len(encoding.ids) + sum(len(more.ids) - sum(more.special_tokens_mask) for more in encoding.overflowing)
