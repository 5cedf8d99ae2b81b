"""How long work tells where it is; the command line draws it, Python callers may leave it out."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Hears of every stage: begin, some advances, end."""

    def begin(self, stage: str) -> None:
        """Say that a stage starts."""

    def advance(self, done: float, total: float, detail: str = "") -> None:
        """Say how much of the present stage is done."""

    def end(self, detail: str, *, reused: bool) -> None:
        """Say that the present stage is finished, and whether an earlier run had made it."""


class Silent:
    """A reporter that says nothing."""

    def begin(self, stage: str) -> None:
        """Say nothing."""

    def advance(self, done: float, total: float, detail: str = "") -> None:
        """Say nothing."""

    def end(self, detail: str, *, reused: bool) -> None:
        """Say nothing."""
