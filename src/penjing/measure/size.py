"""How much room files take."""

from __future__ import annotations

from pathlib import Path


def folder_size(folder: Path) -> int:
    """Return the bytes of every file in `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
