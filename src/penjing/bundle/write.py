"""Writes a bundle: a folder of plain files, complete or absent."""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from penjing._version import __version__
from penjing.bundle.manifest import FileEntry, Manifest
from penjing.errors import BundleError
from penjing.files import file_sha256, storage_error, sync
from penjing.measure.machine import machine

_VERSIONS_OF = (
    "onnxruntime", "tokenizers", "numpy", "torch", "onnx", "scikit-learn", "transformers", "peft", "xllamacpp", "gguf",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Return the versions of the libraries that answers can depend on, where they are installed."""
    found = {}
    for name in _VERSIONS_OF:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def stamp() -> dict[str, Any]:
    """Return the fields of a manifest that say when, where and with what it was made."""
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "penjing": __version__,
        "machine": machine(),
        "versions": versions(),
    }


def write_bundle(folder: Path, manifest: Manifest, files: Mapping[str, Path]) -> None:
    """Make `folder` hold `files` (names to sources) and manifest.json; a folder that was there is replaced.

    Raises:
        BundleError: `folder` holds something else than a bundle.
        StorageError: the disk is full or not writable; what was there is still there.
    """
    folder = folder.resolve()
    _check_replaceable(folder)
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        _put_back(folder)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, source in files.items():
            shutil.copyfile(source, partial / name)
        entries = {name: _entry(partial / name) for name in sorted(files)}
        text = manifest.model_copy(update={"files": entries}).model_dump_json(indent=2)
        (partial / "manifest.json").write_text(text + "\n", encoding="utf-8")
        for path in partial.iterdir():
            sync(path)
        _swap(partial, folder)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise storage_error(error, folder) from error


def _check_replaceable(folder: Path) -> None:
    """Refuse to take the place of a user's files."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / "manifest.json").is_file()):
        raise BundleError(
            "this folder holds other files than a bundle's, which would be lost",
            value=str(folder),
            rule="a folder that is not there yet, is empty, or holds a bundle",
            next_step="Give another folder",
        )


def _entry(path: Path) -> FileEntry:
    return FileEntry(sha256=file_sha256(path), size_bytes=path.stat().st_size)


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def _put_back(folder: Path) -> None:
    """Undo the first rename of `_swap` where a writer was killed before the second."""
    if _old(folder).exists() and not folder.exists():
        _old(folder).rename(folder)


def _swap(partial: Path, folder: Path) -> None:
    """Put `partial` in the place of `folder`; renames, so that nobody sees half a bundle."""
    old = _old(folder)
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    try:
        partial.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    sync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)
