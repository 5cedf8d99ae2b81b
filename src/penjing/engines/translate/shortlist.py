"""A bundle's shortlist: for each source piece the target pieces that it may become, as numbers, packed.

`shortlist.npz` holds `counts`, how many pieces each row has, and `steps`, from each number of a row to the next larger
one. The first row has the pieces that may always come, the others belong to the source pieces in their order.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.errors import BundleError

SHORTLIST = "shortlist.npz"
_MOST_BYTES = 64_000_000  # unpacked, and as text
_EXTRA_ROWS = (1, 2)  # the first, and that of a last piece which pads and has no name (Marian)


def write_shortlist(path: Path, rows: Sequence[Sequence[int]]) -> None:
    """Write the pieces that may always come, and then those of each source piece."""
    ascending = [sorted(set(row)) for row in rows]
    counts = np.array([len(row) for row in ascending])
    steps = np.concatenate([np.diff(row, prepend=0) for row in ascending])
    np.savez_compressed(path, counts=_narrow(counts), steps=_narrow(steps))


def read_shortlist(path: Path, names: Sequence[str]) -> str:
    """Return the shortlist as CTranslate2 reads it: a source piece, a tab, its target pieces; nothing is any.

    Raises:
        BundleError: the file is damaged, or made for other pieces.
    """
    counts, steps = _arrays(path)
    if len(counts) - len(names) not in _EXTRA_ROWS or int(counts.sum()) != len(steps):
        raise BundleError("the shortlist is for other pieces", value=f"{len(counts) - 1} and {len(names)} pieces")
    rows = [np.cumsum(row) for row in np.split(steps, np.cumsum(counts)[:-1])]
    if any(len(row) and (row[-1] >= len(names) or np.any(np.diff(row) <= 0)) for row in rows):
        raise BundleError("the shortlist is damaged", value=f"{path}: numbers that are no pieces, or come twice")
    widths = np.array([len(name.encode()) + 1 for name in names])
    if sum(int(widths[row].sum()) for row in rows) > _MOST_BYTES:
        raise BundleError("the shortlist is too large", value=str(path), rule=f"{_MOST_BYTES:,} bytes")
    lines = [
        f"{source}\t{' '.join(names[number] for number in row)}"
        for source, row in zip(["", *names], rows, strict=False)
        if len(row)
    ]
    return "\n".join(lines) + "\n"


def _narrow(numbers: NDArray[np.int64]) -> NDArray[Any]:
    """Return the numbers in the smallest type that holds them all."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))


def _arrays(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    try:
        with zipfile.ZipFile(path) as packed:
            if sum(member.file_size for member in packed.infolist()) > _MOST_BYTES:
                raise ValueError("too large")
        with np.load(path, allow_pickle=False) as found:
            arrays = found["counts"], found["steps"]
        if any(array.ndim != 1 or array.dtype.kind != "u" or array.itemsize > 4 for array in arrays):
            raise ValueError("not two rows of numbers")
    except Exception as error:  # what zlib and numpy raise has no class in common
        raise BundleError("the shortlist is damaged", value=f"{path}: {error}") from None
    return arrays[0].astype(np.int64), arrays[1].astype(np.int64)
