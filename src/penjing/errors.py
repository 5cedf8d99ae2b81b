"""Everything penjing raises on purpose.

    PenjingError               catch this one to catch them all
    ├── TaskError              the task file, a flag or an argument is wrong
    ├── DataError              the data cannot be read, or is not fit for the task
    ├── ModelError             a model reference cannot be resolved, or is refused
    ├── BundleError            a bundle is missing, damaged, changed or too new
    ├── EngineError            an engine is unknown, or failed to run a bundle
    ├── MissingExtraError      an optional dependency is needed: the message has the install command
    ├── ExportError            an exported file does not answer as the model it came from
    └── StorageError           files cannot be written: full disk, no permission

Every message follows one grammar: what is wrong, the value given, the rule, the next step.
"""

from __future__ import annotations


class PenjingError(Exception):
    """A problem the user can act on; the command line prints it as one line.

    >>> str(PenjingError("`at_least` is not a number", value="high", rule="a fraction from 0 to 1",
    ...                  next_step="Write at_least = 0.9"))
    "`at_least` is not a number: 'high'. Rule: a fraction from 0 to 1. Write at_least = 0.9."
    """

    exit_code = 2

    def __init__(self, what: str, *, value: object = None, rule: str = "", next_step: str = "") -> None:
        self.what = what
        self.value = value
        self.rule = rule
        self.next_step = next_step
        super().__init__(self._line())

    def _line(self) -> str:
        value = "" if self.value is None else f": {_shown(self.value)}"
        parts = [f"{self.what}{value}"]
        if self.rule:
            parts.append(f"Rule: {self.rule}")
        if self.next_step:
            parts.append(self.next_step)
        return " ".join(map(_sentence, parts)).replace("\n", " ")


def _sentence(text: str) -> str:
    """Return `text` with a full stop, where it does not end a sentence already.

    >>> _sentence("Check the path"), _sentence("Did you mean hf:org/name?")
    ('Check the path.', 'Did you mean hf:org/name?')
    """
    return text if text.endswith("?") else text.rstrip(".") + "."


def _shown(value: object) -> str:
    text = str(value) if not isinstance(value, str) else repr(value)
    return text if len(text) <= 200 else text[:197] + "…"


class TaskError(PenjingError):
    """The task file, a flag or an argument is wrong."""


class DataError(PenjingError):
    """The data cannot be read, or is not fit for the task."""


class ModelError(PenjingError):
    """A model reference cannot be resolved, or the model is refused."""


class BundleError(PenjingError):
    """A bundle is missing, damaged, changed or written by a newer penjing."""


class EngineError(PenjingError):
    """An engine is unknown, or failed to run a bundle."""


class MissingExtraError(PenjingError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, *, extra: str) -> None:
        super().__init__(
            f"{package} is not installed",
            rule=f"this needs the `{extra}` extra",
            next_step=f'Run: pip install "penjing[{extra}]"',
        )


class ExportError(PenjingError):
    """An exported file does not answer as the model it came from."""


class StorageError(PenjingError):
    """Files cannot be written: the disk is full, or permission is missing."""
