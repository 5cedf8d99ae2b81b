"""Files translated with their form kept: one kind a file, each read, translated and written the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from penjing.errors import DataError
from penjing.translation.documents.catalogue import translate_catalogue
from penjing.translation.documents.html import translate_html
from penjing.translation.documents.rows import translate_rows
from penjing.translation.documents.text import translate_lines
from penjing.translation.documents.work import Outcome, Work

Translate = Callable[[Path, TextIO, Work], Outcome]

DOCUMENTS: Mapping[str, Translate] = {
    ".po": translate_catalogue,
    ".pot": translate_catalogue,
    ".html": translate_html,
    ".htm": translate_html,
    ".xhtml": translate_html,
    ".txt": translate_lines,
    ".md": translate_lines,
    ".csv": translate_rows,
    ".tsv": translate_rows,
    ".jsonl": translate_rows,
}

FORMED = frozenset(kind for kind, read in DOCUMENTS.items() if read in {translate_catalogue, translate_html})
"""Kinds whose texts are no lines or rows."""


def translate_document(path: Path, file: TextIO, work: Work) -> Outcome:
    """Translate the file at `path` into `file`, in its own form.

    Raises:
        DataError: the file cannot be read, or is of a kind that is not known.
        EngineError: the engine fails.
    """
    translate = DOCUMENTS.get(path.suffix.lower())
    if translate is None:
        raise DataError("unknown kind of file to translate", value=path.name, rule=f"one of {', '.join(DOCUMENTS)}")
    if not path.is_file():
        raise DataError("file not found", value=str(path), next_step="Check the path")
    return translate(path, file, work)


__all__ = ["DOCUMENTS", "FORMED", "Outcome", "Work", "translate_document"]
