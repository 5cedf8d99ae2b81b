"""golden.jsonl of a bundle that writes: prompts with the answers they got where it was made, to compare with elsewhere.

Answers are greedy. Another instruction set adds in another order, so that of two pieces that are all but equally
probable it may take the other one, and all that follows differs: an answer is compared up to where it first differs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from penjing.bundle.golden import read_golden_rows
from penjing.bundle.read import read_manifest
from penjing.engines.text.base import Message
from penjing.generation.model import TextModel
from penjing.generation.references import open_text_model
from penjing.generation.request import Format
from penjing.measure.machine import instruction_set
from penjing.records import Record

GOLDEN_PROMPTS, GOLDEN_TOKENS = 8, 24
TOLERANCE = 0.5  # of the characters of all answers, that may come after a first difference

Prompt = str | tuple[Message, ...]


class GoldenAnswer(Record):
    """One prompt, a text to go on with or [role, content] pairs, and its answer."""

    prompt: str | tuple[tuple[str, str], ...]
    answer: str


@dataclass(frozen=True)
class TextVerifyReport:
    """How a bundle writes here; `ok` is the answer."""

    engine: str
    made_on: str
    """The instruction set of the golden answers."""
    here: str
    n: int
    same: int
    """Answers that are the same to the last character."""
    share_same: float
    """Of the characters of all answers, those before a first difference."""
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether answers are the same, but for what comes after a first difference within the tolerance."""
        return self.share_same >= 1 - self.tolerance


def golden_answers(model: TextModel, prompts: Sequence[Prompt]) -> list[GoldenAnswer]:
    """Return the greedy answers of `model`: a text is gone on with as it stands, though the model could chat."""
    found = []
    for prompt in prompts:
        format_: Format = "plain" if isinstance(prompt, str) else "chat"
        answer = model.generate(prompt, format=format_, max_tokens=GOLDEN_TOKENS, temperature=0.0, seed=0).text
        plain = prompt if isinstance(prompt, str) else tuple((turn.role, turn.content) for turn in prompt)
        found.append(GoldenAnswer(prompt=plain, answer=answer))
    return found


def write_golden_answers(path: Path, rows: Sequence[GoldenAnswer]) -> None:
    """Write golden.jsonl."""
    lines = (json.dumps(row.model_dump(mode="json"), ensure_ascii=False) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")


def golden_prompts(folder: Path) -> list[Prompt]:
    """Return the prompts of the bundle in `folder`."""
    return [_prompt(row) for row in read_golden_rows(folder, GoldenAnswer)]


def verify_text(folder: Path, *, engine: str | None = None, threads: int = 2) -> TextVerifyReport:
    """Return how the bundle in `folder` writes here; its files are checked against their hashes first.

    Raises:
        BundleError: a file is missing or changed, or there are no golden answers.
    """
    manifest = read_manifest(folder)
    rows = read_golden_rows(folder, GoldenAnswer)
    with open_text_model(os.fspath(folder), engine=engine, threads=threads) as model:
        here = golden_answers(model, [_prompt(row) for row in rows])
    shared = [_shared(row.answer, found.answer) for row, found in zip(rows, here, strict=True)]
    total = sum(len(row.answer) for row in rows)
    golden = manifest.golden
    return TextVerifyReport(
        engine=model.engine.name,
        made_on=golden.isa if golden else "unknown",
        here=instruction_set(),
        n=len(rows),
        same=sum(row.answer == found.answer for row, found in zip(rows, here, strict=True)),
        share_same=sum(shared) / total if total else 1.0,
        tolerance=golden.tolerance if golden else 0.0,
    )


def _shared(one: str, other: str) -> int:
    """Return how many characters are the same up to the first that is not."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _prompt(row: GoldenAnswer) -> Prompt:
    if isinstance(row.prompt, str):
        return row.prompt
    return tuple(Message(role, content) for role, content in row.prompt)  # type: ignore[arg-type]
