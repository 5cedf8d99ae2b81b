"""Folders that are made once: written aside, moved into place whole, checked by their hashes before reuse."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError

from penjing.errors import StorageError
from penjing.files import file_sha256

_CHECKSUMS = "checksums.json"
_ABANDONED_S = 3600.0


def default_cache() -> Path:
    """Return the user's cache folder for pretrained models: $XDG_CACHE_HOME/penjing or ~/.cache/penjing."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "penjing"


def cached_folder(target: Path, make: Callable[[Path], None]) -> Path:
    """Return `target`, made by `make(folder)` unless it is there and every file in it is as it was written.

    A damaged folder is made again. Killed at any moment, this leaves either a whole folder or none.

    Raises:
        StorageError: the disk is full, or the place cannot be written.
    """
    if is_intact(target):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(target)
        aside = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise _cannot_write(target, error) from error
    try:
        fresh = aside / "new"
        fresh.mkdir()
        make(fresh)
        hashes = {path.name: file_sha256(path) for path in sorted(fresh.iterdir())}
        (fresh / _CHECKSUMS).write_text(json.dumps(hashes, indent=2), encoding="utf-8")
        _move(fresh, target, discarded=aside / "old")
    except (OSError, SafetensorError) as error:
        raise _cannot_write(target, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return target


def is_intact(folder: Path) -> bool:
    """Return whether `folder` was made by `cached_folder` and no file of it changed since."""
    try:
        hashes = json.loads((folder / _CHECKSUMS).read_text(encoding="utf-8"))
        return bool(hashes) and all(file_sha256(folder / name) == expected for name, expected in hashes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _remove_abandoned(target: Path) -> None:
    """Remove what processes that were killed left behind; a recent folder may be in use."""
    for aside in target.parent.glob(f".{target.name}-*"):
        with suppress(FileNotFoundError):  # another process may remove it too
            if time.time() - aside.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(aside, ignore_errors=True)


def _move(fresh: Path, target: Path, *, discarded: Path) -> None:
    if target.exists():
        os.replace(target, discarded)
    try:
        os.replace(fresh, target)
    except OSError:
        if not is_intact(target):  # otherwise another process was first, with the same content
            raise


def _cannot_write(target: Path, error: Exception) -> StorageError:
    return StorageError(
        f"cannot write {target}",
        value=getattr(error, "strerror", None) or str(error),
        rule="a folder that can be written, with room for the model (about 500 MB)",
        next_step="Free some space or choose another cache folder",
    )
