"""A GGUF file with fewer blocks: those that stay are the same, and numbered anew."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from penjing.errors import ModelError
from penjing.gguf.file import GgufFile, Stored, rewrite

ALIKE = ("llama", "qwen2", "qwen3")
"""Architectures whose blocks do not depend on where they stand; Gemma's take turns in what they attend to."""
_BLOCK = re.compile(r"blk\.(\d+)\.(.+)")


def check_depth(source: GgufFile, depth: int) -> None:
    """Raise ModelError where the model cannot have `depth` blocks: its blocks are not alike, or it has no more."""
    if source.architecture not in ALIKE:
        raise ModelError(
            "blocks of this architecture are not alike",
            value=source.architecture,
            rule=f"one of {', '.join(ALIKE)}",
            next_step="Leave recipe.layers out",
        )
    if depth >= block_count(source):
        raise ModelError(
            "so many blocks are not fewer",
            value=str(depth),
            rule=f"1 to {block_count(source) - 1}: the model's, less one",
        )


def block_count(source: GgufFile) -> int:
    """Return how many blocks the model has."""
    return int(source.value(_key(source), 0))


def drop_blocks(source: GgufFile, target: Path, dropped: Collection[int], *, tensors: Mapping[str, Stored]) -> None:
    """Write `source` to `target` without the blocks `dropped`, with other `tensors` where given, by their old names.

    Raises:
        ModelError: blocks of this architecture cannot go, or fewer than one would stay.
    """
    kept = [block for block in range(block_count(source)) if block not in set(dropped)]
    if dropped:
        check_depth(source, len(kept))
    if not kept:
        raise ModelError("a model needs a block", value=f"all {block_count(source)} dropped")
    places = {block: place for place, block in enumerate(kept)}
    rewrite(source, target, values={_key(source): len(kept)}, tensors=tensors, names=_names(source, places))


def _key(source: GgufFile) -> str:
    return f"{source.architecture}.block_count"


def _names(source: GgufFile, places: Mapping[int, int]) -> dict[str, str]:
    """Return the tensors that stay, and what they are called then."""
    names = {}
    for name in source.tensors:
        found = _BLOCK.fullmatch(name)
        if found is None:
            names[name] = name
        elif int(found[1]) in places:
            names[name] = f"blk.{places[int(found[1])]}.{found[2]}"
    return names
