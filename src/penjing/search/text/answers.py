"""Candidates judged by what they write: greedy answers in llama.cpp, beside those that are expected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from penjing.bundle.write import versions
from penjing.data.passages import Passage
from penjing.engines.text.base import Message
from penjing.files import write_text
from penjing.generation.model import TextModel
from penjing.generation.references import open_text_model
from penjing.measure.answers import score_answers
from penjing.measure.machine import instruction_set
from penjing.measure.scored import Scored
from penjing.search.text.candidates import TextCandidate
from penjing.search.text.context import TextContext, piece_reader
from penjing.search.text.questions import room_for_answers


def answers_scored(context: TextContext, candidates: Sequence[TextCandidate], *, split: str) -> dict[str, Scored]:
    """Return how near the answers of each candidate, by its name, are to those of a split."""
    expected = [passage.text for passage in getattr(context.splits, split)]
    context.reporter.begin(f"{split} answers")
    found, new = {}, 0
    for place, candidate in enumerate(candidates):
        written, reused = _written(context, candidate, split, place / len(candidates), 1 / len(candidates))
        found[candidate.name] = score_answers(context.task.bar.metric, written, expected)
        new += not reused
    context.reporter.end(f"{len(found)} files, {new} of them new", reused=not new)
    return found


def _written(
    context: TextContext, candidate: TextCandidate, split: str, begun: float, share: float
) -> tuple[list[str], bool]:
    """Return the answers of a candidate; before it `begun` of all was done, and it is a `share` of it."""
    passages: tuple[Passage, ...] = getattr(context.splits, split)

    def make(folder: Path, _: Path) -> None:
        answers: list[str] = []
        most = room_for_answers(piece_reader(candidate.path), passages)
        options: dict[str, Any] = {"max_tokens": most, "temperature": 0.0, "seed": 0}
        threads = context.task.budget.threads
        with open_text_model(f"gguf:{candidate.path}", threads=threads) as model:
            for place, passage in enumerate(passages):
                answers.append(answer(model, passage, options))
                context.reporter.advance(begun + share * (place + 1) / len(passages), 1.0, candidate.name)
        write_text(folder / "answers.json", json.dumps(answers, ensure_ascii=False, indent=0))

    here = {"engine": versions().get("xllamacpp"), "isa": instruction_set()}  # which of two like pieces is written
    stage = context.store.stage(f"{split}-answers", {"file": candidate.key, "data": context.data_key, **here}, make)
    answers: list[str] = json.loads((stage.folder / "answers.json").read_text(encoding="utf-8"))
    return answers, stage.reused


def answer(model: TextModel, passage: Passage, options: dict[str, Any]) -> str:
    """Return what `model` answers, asked as it was taught: without a chat template, a line after the question."""
    if model.default_format == "chat":
        messages = [Message(role, content) for role, content in passage.prompt]  # type: ignore[arg-type]
        return model.generate(messages, **options).text.strip()
    question = "\n".join(content for _, content in passage.prompt) + "\n"
    return model.generate(question, format="plain", stop="\n", **options).text.strip()
