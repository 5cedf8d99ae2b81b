"""Examples and splits: what readers return and training takes."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Example:
    """One text with its labels: exactly one for single-label tasks, any number for multi-label ones."""

    text: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Splits:
    """The examples of a task, no text (nor a near-duplicate of one) in two of them.

    `labels` is sorted; `notes` says what was dropped or mended, for the report.
    """

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    labels: tuple[str, ...]
    multi_label: bool = False
    notes: tuple[str, ...] = field(default=())
