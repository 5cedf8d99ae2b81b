"""Who may ask: keys from a file, read again when it changes; compared in constant time, named in logs, never shown."""

from __future__ import annotations

import hmac
from pathlib import Path

from penjing.errors import TaskError

_MOST_BYTES, _SHORTEST = 2**20, 8


class Keys:
    """The keys of a file with one `KEY` or `NAME:KEY` a line; lines that begin with # are comments.

    Raises:
        TaskError: the file is missing or too large, or holds no key, or one that is too short.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = self._stamp()
        self._keys = _read(path)

    def name_of(self, key: str) -> str | None:
        """Return the name of `key`; None where it is none of them."""
        self._refresh()
        given, found = key.encode(), None
        for name, known in self._keys:  # all of them, whatever is found
            if hmac.compare_digest(given, known):
                found = name
        return found

    def _refresh(self) -> None:
        """Read the file again where it changed; keys that cannot be read leave the old ones as they are."""
        try:
            changed = self._stamp()
            if changed != self._changed:
                self._keys, self._changed = _read(self._path), changed
        except TaskError:
            pass

    def _stamp(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError as error:
            raise TaskError("the file with keys cannot be read", value=str(self._path), rule=str(error)) from None
        return found.st_mtime_ns, found.st_size


def _read(path: Path) -> list[tuple[str, bytes]]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise TaskError("the file with keys is too large", value=str(path), rule=f"at most {_MOST_BYTES} bytes")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TaskError("the file with keys cannot be read", value=str(path), rule=str(error)) from None
    found = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            name, colon, key = text.rpartition(":")
            key = key.strip()
            if len(key) < _SHORTEST or not key.isascii():
                raise TaskError(
                    "a key is too short, or not in ASCII",
                    value=f"line {number}",
                    rule=f"at least {_SHORTEST} characters",
                )
            found.append((name.strip() if colon else f"key {number}", key.encode()))
    if not found:
        raise TaskError("the file holds no key", value=str(path), rule="one KEY or NAME:KEY a line")
    return found
