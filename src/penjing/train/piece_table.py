"""The pieces of a model that translates, by number, and the files that spell them in a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.engines.translate.spelling import OWN_SENTINEL, Spelling
from penjing.languages import Pair

_SHARED, _SOURCE, _TARGET = "tokenizer.json", "source.json", "target.json"


@dataclass(frozen=True)
class PieceTable:
    """How a model spells, and the number of each piece."""

    spelling: Spelling
    names: tuple[str, ...]
    """All pieces, in the order of their numbers."""
    start: str
    """What the decoder is given first."""
    end: str
    unknown: str

    def source_rows(self, texts: Sequence[str], *, most: int) -> list[NDArray[np.int32]]:
        """Return the numbers of each source's pieces, cut to `most` and ended."""
        return [self._row(pieces, most) for pieces in self.spelling.pieces(texts)]

    def target_rows(self, texts: Sequence[str], *, most: int) -> list[NDArray[np.int32]]:
        """Return the numbers of each translation's pieces, cut to `most` and ended."""
        return [self._row(pieces, most) for pieces in self.spelling.target_pieces(texts)]

    def write(self, folder: Path) -> list[str]:
        """Write the tokenizers into `folder`; return their files' names."""
        for name, tokenizer in self._files.items():
            tokenizer.save(str(folder / name), pretty=False)
        return list(self._files)

    def input(self, pair: Pair, *, beam: int) -> dict[str, Any]:
        """Return what a bundle's manifest says of its input."""
        names = list(self._files)
        found = {
            "type": "pair", "source_lang": pair[0].code, "target_lang": pair[1].code, "source": names[0],
            "target": names[-1], "prefix": list(self.spelling.prefix), "suffix": list(self.spelling.suffix),
            "begin": list(self.spelling.begin), "beam": beam,
        }  # fmt: skip
        return found if self.spelling.sentinel == OWN_SENTINEL else {**found, "sentinel": self.spelling.sentinel}

    @property
    def _files(self) -> dict[str, Any]:
        if self.spelling.source is self.spelling.target:
            return {_SHARED: self.spelling.source}
        return {_SOURCE: self.spelling.source, _TARGET: self.spelling.target}

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.names)}

    def _row(self, pieces: Sequence[str], most: int) -> NDArray[np.int32]:
        unknown = self._numbers[self.unknown]
        kept = pieces if len(pieces) <= most else [*pieces[: most - 1], pieces[-1]]
        return np.array([self._numbers.get(piece, unknown) for piece in kept], np.int32)
