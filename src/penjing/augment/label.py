"""A language model as teacher: it labels texts, and its labels are held to those that people gave.

Source: Wang et al. 2021, "Want To Reduce Labeling Cost? GPT-3 Can Help"; Hsieh et al. 2023, "Distilling Step-by-Step"
(reasons, asked for before the label).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, Protocol

from penjing.augment.journal import Journal, Labelled
from penjing.data.dataset import Example
from penjing.errors import EngineError
from penjing.generation.model import Generation
from penjing.progress import Reporter

_MOST_CHARACTERS = 3000  # of a text
_MOST_FAILURES = 5  # one after the other
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
        begun = answer.strip()
        if begun.startswith("{"):
            return self._of_json(begun)
        return self._named_in(begun), None

    def _of_json(self, answer: str) -> tuple[str | None, str | None]:
        try:
            found = json.loads(answer)
        except ValueError:
            return None, None  # cut off: what it had come to nobody knows
        known = {label.casefold(): label for label in self.labels}
        label, reason = known.get(str(found.get("label")).casefold()), found.get("reason")
        return label, reason if isinstance(reason, str) else None

    def _named_in(self, answer: str) -> str | None:
        """Return the only label that is named, as a word of its own; the longest are looked for first."""
        rest, named = answer.casefold(), set()
        for label in sorted(self.labels, key=len, reverse=True):
            word = re.escape(label.casefold())
            pattern = rf"(?<![\w-]){word}(?![\w-])" if label.isascii() else word
            rest, count = re.subn(pattern, " ", rest)
            if count:
                named.add(label)
        return named.pop() if len(named) == 1 else None


def label_texts(
    texts: Sequence[str], model: Writer, question: Question, *, journal: Journal, parallel: int, reporter: Reporter
) -> list[Labelled]:
    """Return what the model says of each text, `parallel` asked at once; what the journal has is not asked again.

    Answers go into the journal as they come. A text that the model fails at has no label, and is asked again next time.

    Raises:
        EngineError: the model, or its server, fails at five texts in a row.
    """
    texts = [text.encode("utf-8", "replace").decode() for text in texts]  # half a surrogate pair is no text
    wanted = [text for text in dict.fromkeys(texts) if text not in journal]
    failed: dict[str, Labelled] = {}
    in_a_row = 0
    with ThreadPoolExecutor(parallel) as pool:
        asked = {pool.submit(_asked, text, model, question): text for text in wanted}
        try:
            for count, done in enumerate(as_completed(asked), start=1):
                try:
                    journal.add(done.result())
                    in_a_row = 0
                except EngineError as error:
                    in_a_row += 1
                    if in_a_row == _MOST_FAILURES or count == len(wanted) == in_a_row:
                        raise
                    failed[asked[done]] = Labelled(text=asked[done], label=None, failed=str(error))
                reporter.advance(count, len(wanted), f"{len(failed):,} failed" if failed else asked[done][:40])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            for done in asked:
                if done.done() and not done.cancelled() and done.exception() is None:
                    journal.add(done.result())
            raise
    return [failed.get(text) or journal[text] for text in texts]


def _asked(text: str, model: Writer, question: Question) -> Labelled:
    written = model.generate(
        text[:_MOST_CHARACTERS],
        system=question.system,
        schema=question.schema,
        temperature=0.0,
        max_tokens=_REASON_TOKENS if question.reasons else _LABEL_TOKENS,
    )
    answer = written.answers[0]
    label, reason = (None, None) if answer.finish_reason == "length" else question.read(answer.text)
    return Labelled(
        text=text, label=label, reason=reason, read=written.prompt_tokens or 0, written=written.completion_tokens or 0
    )
