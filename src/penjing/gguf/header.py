"""Reads the header of a GGUF file: metadata, and which tensors lie where. Every number is checked against the file.

Source: the format's description in ggml, docs/gguf.md (versions 2 and 3, little-endian).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final

from penjing.errors import ModelError

MAGIC: Final = b"GGUF"
VERSIONS: Final = (2, 3)
ARRAY, STRING, BOOL = 9, 8, 7
NUMBERS: Final[Mapping[int, str]] = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", BOOL: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip  # value types as struct's letters
BLOCKS: Final[Mapping[int, tuple[str, int, int]]] = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292), 20: ("IQ4_NL", 32, 18),
    23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8),
    28: ("F64", 1, 8), 30: ("BF16", 1, 2),
}  # fmt: skip  # tensor types: name, values a block, bytes a block
_MOST_DIMENSIONS, _MOST_NAME = 4, 65_535
_DEFAULT_ALIGNMENT = 32


@dataclass(frozen=True, slots=True)
class Array:
    """An array of the metadata, not read yet: `count` values of one type, from byte `start` to `end`."""

    type: int
    count: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: `shape` as in numpy (rows first), its type's number and name, and where its bytes are."""

    name: str
    shape: tuple[int, ...]
    type: int
    type_name: str
    start: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Gguf:
    """What a GGUF file holds."""

    path: Path
    version: int
    metadata: Mapping[str, Any]
    """Single values as they are, arrays as `Array`."""
    tensors: tuple[Tensor, ...]
    alignment: int
    data_start: int
    """The byte where tensors begin."""

    @property
    def architecture(self) -> str:
        """`general.architecture`, such as "llama"."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def context_length(self) -> int | None:
        """The tokens it was trained on at once, where the file says so."""
        found = self.metadata.get(f"{self.architecture}.context_length")
        return int(found) if isinstance(found, int) and found > 0 else None

    @property
    def chat_template(self) -> str | None:
        """The Jinja template of a conversation, where there is one."""
        found = self.metadata.get("tokenizer.chat_template")
        return found if isinstance(found, str) else None


def read_header(path: Path) -> Gguf:
    """Return what the GGUF file at `path` holds; no weight is read.

    Raises:
        ModelError: it is no GGUF file, of a version that is not known, truncated, or its numbers contradict its size.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _Reader(path, content).read()
    except FileNotFoundError:
        raise ModelError("no such file", value=str(path), next_step="Check the path") from None
    except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
        raise ModelError("cannot read the GGUF file", value=str(path), rule=str(error)) from None


class _Reader:
    def __init__(self, path: Path, content: mmap.mmap | bytes) -> None:
        self._path, self._content, self._size, self._place = path, content, len(content), 0

    def read(self) -> Gguf:
        magic = self._take(4)
        if magic != MAGIC:
            raise self._wrong("not a GGUF file", f"it begins with {magic!r}", rule="it begins with b'GGUF'")
        version = self._number("I")
        if version not in VERSIONS:
            raise self._wrong("unknown version of GGUF", f"version {version}", rule="version 2 or 3, little-endian")
        tensors, values = self._count("tensors", least=24), self._count("values", least=12)
        metadata = dict(self._pair() for _ in range(values))
        alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or not 0 < alignment <= 2**16 or alignment % 8:
            raise self._wrong("impossible alignment", str(alignment), rule="a multiple of 8, up to 65536")
        infos = [self._info() for _ in range(tensors)]
        data_start = -(-self._place // alignment) * alignment
        found = tuple(self._tensor(*info, data_start=data_start, alignment=alignment) for info in infos)
        return Gguf(self._path, version, metadata, found, alignment, data_start)

    def _pair(self) -> tuple[str, Any]:
        key, kind = self._string(most=_MOST_NAME), self._number("I")
        if kind == STRING:
            return key, self._string()
        if kind == ARRAY:
            return key, self._array()
        return key, self._number(self._letter(kind))

    def _array(self) -> Array:
        kind, count = self._number("I"), self._number("Q")
        start = self._place
        if kind == STRING:
            self._fits("strings of an array", count, each=8)
            for _ in range(count):
                self._skip(self._number("Q"))
        else:
            each = struct.calcsize(self._letter(kind))
            self._fits("values of an array", count, each=each)
            self._skip(count * each)
        return Array(kind, count, start, self._place)

    def _info(self) -> tuple[str, tuple[int, ...], int, int]:
        name, dimensions = self._string(most=_MOST_NAME), self._number("I")
        if dimensions > _MOST_DIMENSIONS:
            raise self._wrong(f"tensor {name!r} has too many dimensions", str(dimensions), rule="at most 4")
        shape = tuple(self._number("Q") for _ in range(dimensions))
        return name, shape[::-1], self._number("I"), self._number("Q")

    def _tensor(
        self, name: str, shape: tuple[int, ...], kind: int, offset: int, *, data_start: int, alignment: int
    ) -> Tensor:
        type_name, values, each = BLOCKS.get(kind, (f"type {kind}", 1, 0))
        if kind in BLOCKS and shape and shape[-1] % values:
            raise self._wrong(f"tensor {name!r} has rows of {shape[-1]} values", type_name, rule=f"blocks of {values}")
        size, start = prod(shape) // values * each, data_start + offset
        if offset % alignment or start + size > self._size:
            raise self._wrong(
                f"tensor {name!r} lies outside of the file",
                f"bytes {start} to {start + size}",
                rule=f"the file has {self._size}",
                next_step="It is truncated or damaged: copy or download it again",
            )
        return Tensor(name, shape, kind, type_name, start, size)

    def _letter(self, kind: int) -> str:
        if kind not in NUMBERS:
            raise self._wrong("unknown type of a value", str(kind), rule=f"one of {sorted(NUMBERS)}, 8 or 9")
        return NUMBERS[kind]

    def _string(self, *, most: int | None = None) -> str:
        length = self._number("Q")
        if most is not None and length > most:
            raise self._wrong("a name is too long", f"{length} bytes", rule=f"at most {most}")
        return self._take(length).decode("utf-8", errors="replace")

    def _count(self, what: str, *, least: int) -> int:
        count = int(self._number("Q"))
        self._fits(what, count, each=least)
        return count

    def _fits(self, what: str, count: int, *, each: int) -> None:
        if count * each > self._size - self._place:
            raise self._wrong(
                f"it claims {count} {what}",
                f"{self._size - self._place} bytes are left",
                rule="a count that fits in the file",
                next_step="It is truncated or damaged: copy or download it again",
            )

    def _number(self, letter: str) -> Any:
        return struct.unpack("<" + letter, self._take(struct.calcsize(letter)))[0]

    def _take(self, count: int) -> bytes:
        start = self._place
        self._skip(count)
        return bytes(self._content[start : self._place])

    def _skip(self, count: int) -> None:
        if count > self._size - self._place:
            raise self._wrong(
                "it ends too early",
                f"{self._size} bytes",
                rule=f"{count} more after byte {self._place}",
                next_step="It is truncated or damaged: copy or download it again",
            )
        self._place += count

    def _wrong(self, what: str, value: str, *, rule: str, next_step: str = "") -> ModelError:
        return ModelError(f"{self._path.name}: {what}", value=value, rule=rule, next_step=next_step)
