"""What a model has answered so far, a line an answer, so that a stopped run goes on and nothing is paid twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import ValidationError

from penjing.files import write_text
from penjing.records import Record


class Labelled(Record):
    """What the model said of a text; no label where its answer names none."""

    text: str
    label: str | None
    reason: str | None = None
    read: int = 0
    """Pieces of the prompt."""
    written: int = 0


class Journal:
    """The answers of one model to one question, in a file."""

    def __init__(self, folder: Path, *, model: str, question: str) -> None:
        key = hashlib.sha256(f"{model}\0{question}".encode()).hexdigest()[:16]
        self.path = folder / f"labels-{key}.jsonl"
        self._found: dict[str, Labelled] = {}
        if self.path.is_file():
            text = self.path.read_text(encoding="utf-8")
            if not text.endswith("\n"):
                write_text(self.path, text + "\n")
            for line in text.splitlines():
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
        """Keep an answer."""
        self._found[answer.text] = answer
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(answer.model_dump_json() + "\n")
