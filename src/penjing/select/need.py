"""What is asked of a plan: the task, its data, the machines, the bar and the limits."""

from __future__ import annotations

import re
from collections.abc import Sequence

from penjing.catalog.facts import Device, Use
from penjing.errors import TaskError
from penjing.languages import language
from penjing.records import Record
from penjing.spec import Kind

_MANY_CHARACTERS, _FEW_CHARACTERS = 4.0, 1.5  # of a piece: of letters, and of Chinese, Japanese or Korean
_DENSE = re.compile(r"[぀-ヿ一-鿿가-힯]")


class Need(Record):
    """One question to answer; limits that are None do not hold."""

    kind: Kind
    languages: tuple[str, ...]
    """Base codes; to translate: from the first into the second."""
    serve_on: Device
    train_on: Device
    examples: int | None = None
    """Labelled examples, or pairs; None where that is not known."""
    labels: int = 2
    tokens: int = 64
    """Pieces of a text, or of a prompt."""
    written: int = 64
    """Pieces of an answer, or of a translation."""
    bar: float | None = None
    requests: int = 1_000_000
    """A month."""
    uses: tuple[Use, ...] = ("free", "terms")
    offline: bool = False
    """Whether only models that Python packages ship are asked for."""
    size: float | None = None
    latency_s: float | None = None
    memory: float | None = None
    api: str = "small"
    """Which of the APIs in the list of prices is the other way."""

    @property
    def each(self) -> float | None:
        """Examples a label."""
        return None if self.examples is None else self.examples / max(1, self.labels)


def base_codes(names: str) -> tuple[str, ...]:
    """Return the base codes of languages that are named with commas.

    >>> base_codes("zh-CN, English")
    ('zh', 'en')

    Raises:
        TaskError: a language is not known, or none is named.
    """
    found = tuple(dict.fromkeys(language(name.strip()).base for name in names.split(",") if name.strip()))
    if not found:
        raise TaskError("which languages?", value=names, rule="codes or names with commas: zh,en")
    return found


def pieces_of(texts: Sequence[str]) -> int:
    """Return about how many pieces a text has.

    >>> pieces_of(["The cheapest change that makes it fit"]), pieces_of(["味道很好"])
    (10, 4)
    """
    total = 0.0
    for text in texts:
        dense = len(_DENSE.findall(text))
        total += dense / _FEW_CHARACTERS + (len(text) - dense) / _MANY_CHARACTERS + 1
    return max(1, round(total / max(1, len(texts))))
