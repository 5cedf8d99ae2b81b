"""A bundle's shortlist: for each source piece the target pieces that it may become, as numbers, packed.

`shortlist.npz` holds `counts`, how many pieces each row has, and `steps`, from each number of a row to the next larger
one. The first row has the pieces that may always come, the others belong to the source pieces in their order.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from penjing.errors import BundleError

SHORTLIST = "shortlist.npz"
_MOST_BYTES = 64_000_000  # unpacked
_WIDEST = 65_535  # the largest number of a piece that is written


def write_shortlist(path: Path, rows: Sequence[Sequence[int]]) -> None:
    """Write the pieces that may always come, and then those of each source piece.

    Raises:
        ValueError: a piece has too large a number.
    """
    ascending = [sorted(set(row)) for row in rows]
    if max((row[-1] for row in ascending if row), default=0) > _WIDEST:
        raise ValueError(f"pieces are numbered up to {_WIDEST} in a shortlist")
    counts = np.array([len(row) for row in ascending], np.uint16)
    steps = np.concatenate([np.diff(row, prepend=0) for row in ascending]).astype(np.uint16)
    np.savez_compressed(path, counts=counts, steps=steps)


def read_shortlist(path: Path, names: Sequence[str]) -> str:
    """Return the shortlist as CTranslate2 reads it: a source piece, a tab, its target pieces; nothing is any.

    Raises:
        BundleError: the file is damaged, or made for other pieces.
    """
    counts, steps = _arrays(path)
    if len(counts) <= len(names) or int(counts.sum()) != len(steps):
        raise BundleError("the shortlist is for other pieces", value=f"{len(counts) - 1} and {len(names)} pieces")
    lines = []
    for source, row in zip(["", *names], np.split(steps, np.cumsum(counts)[:-1]), strict=False):
        numbers = np.cumsum(row).tolist()
        if numbers and numbers[-1] >= len(names):
            raise BundleError("the shortlist names a piece that is not there", value=f"{path}: {numbers[-1]}")
        if numbers:
            lines.append(f"{source}\t{' '.join(names[number] for number in numbers)}")
    return "\n".join(lines) + "\n"


def _arrays(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(member.file_size for member in packed.infolist()) > _MOST_BYTES:
                raise ValueError("too large")
        with np.load(path, allow_pickle=False) as found:
            arrays = found["counts"], found["steps"]
        if any(array.ndim != 1 or array.dtype != np.uint16 for array in arrays):
            raise ValueError("not two rows of numbers")
    except Exception as error:  # what zlib and numpy raise has no class in common
        raise BundleError("the shortlist is damaged", value=f"{path}: {error}") from None
    return arrays[0].astype(np.int64), arrays[1].astype(np.int64)
