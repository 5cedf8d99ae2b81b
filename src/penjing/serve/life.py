"""What the server is doing; health, admission and signals ask the same object."""

from __future__ import annotations

from typing import Literal

from penjing.serve.problems import Problem, unavailable

State = Literal["loading", "ready", "draining", "failed"]
_MESSAGES = {
    "loading": "The model is loading.",
    "draining": "The server is ending.",
    "failed": "The server could not load its models.",
}


class Life:
    """loading -> ready -> draining, or failed."""

    def __init__(self) -> None:
        self.state: State = "loading"
        self.reason = ""
        """Why it failed."""

    def loaded(self) -> None:
        """Say that requests can be answered."""
        if self.state == "loading":
            self.state = "ready"

    def drain(self) -> None:
        """Take no more requests; those in flight go on."""
        self.state = "draining"

    def fail(self, reason: str) -> None:
        """Say that no request will ever be answered, and why."""
        self.state, self.reason = "failed", reason

    @property
    def problem(self) -> Problem | None:
        """Why a request cannot be answered now; None where it can."""
        return None if self.state == "ready" else unavailable(self.state, _MESSAGES[self.state])
