"""gettext catalogues, .po and .mo, by polib."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penjing.errors import DataError, MissingExtraError

_MOST_BYTES = 64 * 2**20


def open_catalogue(path: Path) -> Any:
    """Return the catalogue as polib's object.

    Raises:
        DataError: there is no such file, it is too large, or it is no catalogue.
        MissingExtraError: polib is not installed.
    """
    try:
        import polib
    except ImportError:
        raise MissingExtraError("polib", extra="ctranslate2") from None
    if not path.is_file():
        raise DataError("catalogue not found", value=str(path), next_step="Check the path")
    if path.stat().st_size > _MOST_BYTES:
        raise DataError("the catalogue is too large", value=str(path), rule="at most 64 MiB")
    try:
        found = polib.mofile(str(path)) if path.suffix.lower() == ".mo" else polib.pofile(str(path))
    except Exception as error:  # polib raises whatever its parser meets
        raise _no_catalogue(path, str(error)) from None
    if not found and not found.metadata:
        raise _no_catalogue(path, "no entries")
    return found


def _no_catalogue(path: Path, why: str) -> DataError:
    return DataError("no gettext catalogue", value=f"{path}: {why}", next_step="Check it: msgfmt --check")


def read_catalogue(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each text with its translation: those that are translated, not fuzzy, not obsolete; of plurals the last."""
    for entry in open_catalogue(path):
        if entry.obsolete or "fuzzy" in getattr(entry, "flags", ()) or not entry.msgid:
            continue
        if entry.msgid_plural:
            plural = entry.msgstr_plural.get(max(entry.msgstr_plural, default=0), "")
            if plural:
                yield entry.msgid_plural, plural
        elif entry.msgstr:
            yield entry.msgid, entry.msgstr
