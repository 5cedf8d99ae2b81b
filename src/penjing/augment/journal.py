"""What a model has answered so far, a line an answer, so that a stopped run goes on and nothing is paid twice."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from pydantic import ValidationError

from penjing.files import storage_error, write_text
from penjing.generation.references import gguf_file
from penjing.records import Record


class Labelled(Record):
    """What the model said of a text; no label where its answer names none."""

    text: str
    label: str | None
    reason: str | None = None
    read: int = 0
    """Pieces of the prompt."""
    written: int = 0
    failed: str | None = None
    """Why there is no answer, where there is none."""


class Journal:
    """The answers of one model to one question, in a file."""

    def __init__(self, folder: Path, *, model: str, question: str) -> None:
        key = hashlib.sha256(f"{model}\0{question}".encode()).hexdigest()[:16]
        self.path = folder / f"labels-{key}.jsonl"
        self._found: dict[str, Labelled] = {}
        if self.path.is_file():
            text = self.path.read_text(encoding="utf-8", errors="replace")
            if not text.endswith("\n"):
                write_text(self.path, text + "\n")
            for line in text.split("\n"):
                try:
                    answer = Labelled.model_validate_json(line)
                except ValidationError:
                    continue  # the last line of a run that was killed
                self._found[answer.text] = answer

    def __contains__(self, text: str) -> bool:
        return text in self._found

    def __getitem__(self, text: str) -> Labelled:
        return self._found[text]

    def add(self, answer: Labelled) -> None:
        """Keep an answer; the first one to a text stays.

        Raises:
            StorageError: the disk is full or not writable.
        """
        if answer.text in self._found:
            return
        self._found[answer.text] = answer
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(json.dumps(answer.model_dump()) + "\n")
        except OSError as error:
            raise storage_error(error, self.path) from error


def identity(reference: str) -> str:
    """Return what tells one model from another: where it is asked, or which file it is and when that was written."""
    scheme, colon, _ = reference.partition(":")
    if colon and scheme == "openai":
        return f"{reference} at {os.environ.get('OPENAI_BASE_URL', '')}"
    if colon and scheme == "hf":
        return reference
    path = gguf_file(reference).resolve()
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return "\n".join(f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files if file.is_file())
