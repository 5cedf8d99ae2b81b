"""A language model as teacher: it labels texts, and its labels are held to those that people gave.

Source: Wang et al. 2021, "Want To Reduce Labeling Cost? GPT-3 Can Help"; Hsieh et al. 2023, "Distilling Step-by-Step"
(reasons, asked for before the label).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from penjing.augment.journal import Journal, Labelled
from penjing.data.dataset import Example
from penjing.generation.model import Generation
from penjing.progress import Reporter

_MOST_CHARACTERS = 8000  # of a text
_LABEL_TOKENS, _REASON_TOKENS = 64, 200


class Writer(Protocol):
    """What is asked: `TextModel`."""

    def generate(self, prompt: str, **options: Any) -> Generation:
        """Return the answers to a prompt."""


@dataclass(frozen=True)
class Question:
    """How texts are asked about: the labels, a few examples, and whether reasons are wanted."""

    labels: tuple[str, ...]
    shots: tuple[Example, ...] = ()
    about: str = ""
    """What the labels mean, in the user's words."""
    reasons: bool = False

    @property
    def system(self) -> str:
        """Return the instruction."""
        lines = [
            f"Sort the text into exactly one of these labels: {', '.join(self.labels)}.",
            *([self.about] if self.about else []),
            'Answer with JSON: {"reason": why, in one sentence, "label": one of the labels}.'
            if self.reasons
            else 'Answer with JSON: {"label": one of the labels}.',
        ]
        if self.shots:
            lines.append("Examples:")
            lines += [json.dumps({"text": one.text[:300], "label": one.labels[0]}, ensure_ascii=False)
                      for one in self.shots]  # fmt: skip
        return "\n".join(lines)

    @property
    def schema(self) -> Mapping[str, Any]:
        """Return what an answer must be."""
        reason = {"reason": {"type": "string"}} if self.reasons else {}
        properties = {**reason, "label": {"type": "string", "enum": list(self.labels)}}
        return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}

    def read(self, answer: str) -> tuple[str | None, str | None]:
        """Return the label and the reason that an answer gives; a label in plain words counts where it is the only one.

        >>> Question(("good", "bad")).read('{"label": "bad"}'), Question(("good", "bad")).read("It is good.")
        (('bad', None), ('good', None))
        """
        try:
            found = json.loads(answer)
        except ValueError:
            found = None
        if isinstance(found, dict) and found.get("label") in self.labels:
            reason = found.get("reason")
            return found["label"], reason if isinstance(reason, str) else None
        named = [label for label in self.labels if label.casefold() in answer.casefold()]
        return (named[0] if len(named) == 1 else None), None


def label_texts(
    texts: Sequence[str], model: Writer, question: Question, *, journal: Journal, parallel: int, reporter: Reporter
) -> list[Labelled]:
    """Return what the model says of each text, `parallel` asked at once; what the journal has is not asked again.

    Raises:
        EngineError: the model or its server fails; what was answered is in the journal.
    """
    wanted = [text for text in dict.fromkeys(texts) if text not in journal]
    with ThreadPoolExecutor(parallel) as pool:
        try:
            for count, found in enumerate(_answers(pool, wanted, model, question), start=1):
                journal.add(found)
                reporter.advance(count, len(wanted), f"{found.label}: {found.text[:40]}")
        finally:
            pool.shutdown(cancel_futures=True)
    return [journal[text] for text in texts]


def _answers(pool: ThreadPoolExecutor, texts: Sequence[str], model: Writer, question: Question) -> Iterator[Labelled]:
    return pool.map(lambda text: _asked(text, model, question), texts)


def _asked(text: str, model: Writer, question: Question) -> Labelled:
    written = model.generate(
        text[:_MOST_CHARACTERS],
        system=question.system,
        schema=question.schema,
        temperature=0.0,
        max_tokens=_REASON_TOKENS if question.reasons else _LABEL_TOKENS,
    )
    label, reason = question.read(written.text)
    return Labelled(
        text=text, label=label, reason=reason, read=written.prompt_tokens or 0, written=written.completion_tokens or 0
    )
