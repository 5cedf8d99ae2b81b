"""Stages: folders of files addressed by the hash of what they were made from, complete or absent.

A stage is made in a `.partial` folder, sealed with the SHA-256 of its files, and renamed into place. One that is
found again is used only if every file still has its hash; otherwise it is made anew.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penjing.files import file_sha256, storage_error, sync, write_text

_SEAL = "stage.json"
_FORMAT = 5  # raised when the meaning of stored files changes


@dataclass(frozen=True, slots=True)
class Stage:
    """A finished stage: its folder, its key, and whether an earlier run had made it."""

    folder: Path
    key: str
    reused: bool


@dataclass(frozen=True)
class Store:
    """The stages of one run folder."""

    root: Path

    def stage(self, name: str, inputs: Mapping[str, Any], make: Callable[[Path, Path], None]) -> Stage:
        """Return the stage `name` for `inputs`, calling `make(folder, work)` only where it is not there yet.

        `make` writes the stage's files into `folder`; what it keeps in `work` (checkpoints) survives a kill and
        is removed when the stage is finished.

        Raises:
            StorageError: the disk is full or not writable.
        """
        key = stage_key(name, inputs)
        folder = self.root / f"{name}-{key}"
        if is_sound(folder):
            return Stage(folder, key, reused=True)
        try:
            self._make(folder, make, {"name": name, "inputs": inputs})
        except OSError as error:
            raise storage_error(error, folder) from error
        return Stage(folder, key, reused=False)

    def forget(self, stage: Stage) -> None:
        """Remove a stage, so that it is made anew the next time."""
        shutil.rmtree(stage.folder)

    def _make(self, folder: Path, make: Callable[[Path, Path], None], seal: Mapping[str, Any]) -> None:
        partial, work = folder.with_suffix(".partial"), folder.with_suffix(".work")
        for stale in (partial, folder):
            if stale.exists():
                shutil.rmtree(stale)
        partial.mkdir(parents=True)
        work.mkdir(exist_ok=True)
        make(partial, work)
        files = {path.relative_to(partial).as_posix(): file_sha256(path) for path in _files(partial)}
        write_text(partial / _SEAL, json.dumps({**seal, "files": files}, indent=1, ensure_ascii=False))
        for path in _files(partial):
            sync(path)
        partial.rename(folder)
        sync(folder.parent)
        shutil.rmtree(work)


def stage_key(name: str, inputs: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits that stand for the stage and everything it is made from."""
    text = json.dumps([_FORMAT, name, inputs], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def is_sound(folder: Path) -> bool:
    """Return whether `folder` is sealed and every file of it still has its hash."""
    try:
        files = json.loads((folder / _SEAL).read_text(encoding="utf-8"))["files"]
        return all(file_sha256(folder / name) == expected for name, expected in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
