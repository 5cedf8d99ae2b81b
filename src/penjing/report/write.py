"""Puts the report on disk, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from penjing.errors import StorageError
from penjing.report.model import RunReport
from penjing.report.page import render


def write_report(path: Path, run: RunReport) -> None:
    """Write the report of `run` to `path`; whoever reads the file meanwhile sees the old one or the new one.

    Raises:
        StorageError: the folder is missing, may not be written, or the disk is full.
    """
    content = render(run)
    try:
        _replace(path, content)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}",
            value=error.strerror or str(error),
            rule="the folder must exist, be writable and have room",
            next_step="Make room or choose another folder",
        ) from error


def _replace(path: Path, content: str) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
