"""Text files: line by line, empty lines and indents kept."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from penjing.errors import DataError
from penjing.translation.documents.work import Outcome, Work


def translate_lines(path: Path, file: TextIO, work: Work) -> Outcome:
    """Translate a text file into `file`: as many lines, in their order."""
    outcome = Outcome()
    with path.open(encoding="utf-8-sig", newline="") as lines:
        try:
            for found in work.stream(lines):
                outcome.note(found)
                file.write(found.text)
        except UnicodeDecodeError as error:
            raise DataError("the file is not UTF-8", value=f"{path}: byte {error.start}", rule="UTF-8") from None
    return outcome
