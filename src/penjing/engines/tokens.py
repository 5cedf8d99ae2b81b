"""Texts as padded piece ids: what transformer engines take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from penjing.engines.base import Batch
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
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]
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
