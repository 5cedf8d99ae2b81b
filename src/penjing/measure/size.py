"""How much room files take."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path


def folder_size(folder: Path, *, without: Collection[str] = ()) -> int:
    """Return the bytes of every file in `folder` whose name is not among those to leave out."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in without)
    return sum(path.stat().st_size for path in files)
