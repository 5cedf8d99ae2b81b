"""Files that are whole or absent, their hashes, and what a disk's refusal means."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from penjing.errors import DataError, StorageError
from penjing.units import show_size


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 so that `path` holds the old text or the new one, never half of it."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write so that `path` holds the old content or the new one, never half of it."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    sync(partial)
    os.replace(partial, path)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file so that `target` is whole or absent.

    Raises:
        StorageError: the disk is full or not writable.
    """
    partial = target.with_name(target.name + ".partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, partial)
        sync(partial)
        os.replace(partial, target)
    except OSError as error:
        raise storage_error(error, target) from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a folder beside `target` that takes its place at the end, and is gone after an error.

    Raises:
        StorageError: the disk is full or not writable.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as aside:
            fresh = Path(aside) / "new"
            fresh.mkdir()
            yield fresh
            for path in fresh.rglob("*"):
                if path.is_file():
                    sync(path)
            fresh.rename(target)
    except OSError as error:
        raise storage_error(error, target) from error


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def storage_error(error: OSError, path: Path) -> StorageError:
    """Return the StorageError that says what `error` means for the user."""
    if error.errno == errno.ENOSPC:
        return StorageError(
            "the disk is full",
            value=str(path),
            next_step="Free some space, or choose another place with --output, and run the same command again",
        )
    return StorageError(f"cannot write ({error.strerror})", value=str(path), next_step="Choose another place")


def content_of(source: str | Path | bytes, *, one: str, most_bytes: int) -> tuple[bytes, str]:
    """Return the bytes of a file of the user's, such as a "picture", and what it is called in messages.

    Raises:
        DataError: it is missing, is no file, or is larger than `most_bytes`.
    """
    if isinstance(source, bytes):
        if len(source) > most_bytes:
            raise _too_large(f"the {one}", len(source), one, most_bytes)
        return source, f"the {one}"
    if not isinstance(source, str | Path):
        raise DataError(f"not a {one}'s file", value=type(source).__name__, rule="a path, or the file's bytes")
    path = Path(source)
    try:
        if path.exists() and not path.is_file():
            raise DataError("not a file", value=str(path), rule=f"a {one}'s file")
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise _too_large(str(path), path.stat().st_size, one, most_bytes)
        return content, str(path)
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        raise DataError(f"the {one} cannot be opened", value=f"{path}: {error}", next_step="Check the path") from None


def _too_large(name: str, size: int, one: str, most: int) -> DataError:
    return DataError(f"the {one}'s file is too large", value=f"{name}: {show_size(size)}", rule=show_size(most))
