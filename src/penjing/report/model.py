"""What the report says: one frozen value with every figure of a run, nothing measured here."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from penjing.records import Machine, Quality, Record, Trial, Verdict
from penjing.spec import Bar, Budget, Objective

Counts = tuple[tuple[int, ...], ...]
"""Rows are the true labels, columns the answers, both in the order of `RunReport.labels`."""

Direction = Literal["broken", "fixed", "both wrong"]


class LedgerRow(Record):
    """What the model is after one step, and what the step did to its quality on dev."""

    step: str
    values: dict[str, Any] = Field(default_factory=dict)
    size_bytes: int | None = None
    parameters: int | None = None
    quality: Quality | None = None
    p50_s: float | None = None
    delta: float | None = None
    """This quality - that of the step before, on the same examples."""


class ClassChange(Record):
    """F1 of one label for the teacher and for the choice, on `n` test examples of that label."""

    label: str
    n: int
    teacher_f1: float
    choice_f1: float

    @property
    def change(self) -> float:
        """choice - teacher."""
        return self.choice_f1 - self.teacher_f1


class Flip(Record):
    """One test example that teacher and choice answer differently."""

    text: str
    truth: str
    teacher_label: str
    choice_label: str
    teacher_score: float
    choice_score: float

    @property
    def direction(self) -> Direction:
        """broken: the teacher was right; fixed: the choice is right; both wrong: neither."""
        if self.truth == self.teacher_label:
            return "broken"
        return "fixed" if self.truth == self.choice_label else "both wrong"


class FlipCounts(Record):
    """How many test examples flipped, of `n`; `RunReport.flips` may hold fewer."""

    broken: int
    fixed: int
    both_wrong: int
    n: int


class VocabularyTrim(Record):
    """What keeping fewer pieces did to `n` texts."""

    pieces_kept: int
    pieces_before: int
    changed_rate: float
    """Share of texts that are tokenized differently."""
    accuracy_changed: float | None = None
    accuracy_unchanged: float | None = None
    unknown_rate: float
    """Share of pieces that are unknown."""
    n: int


class ReliabilityBin(Record):
    """Answers whose probability is in (low, high]: their mean probability and their accuracy."""

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


class Calibration(Record):
    """Expected calibration error before and after dividing logits by `temperature`."""

    temperature: float
    ece_before: float
    ece_after: float
    bins: tuple[ReliabilityBin, ...] = ()
    split: str = "test"


class Abstain(Record):
    """What is answered, and how well, when probabilities below `below` are not."""

    below: float
    coverage: float
    accuracy: float


class DataFacts(Record):
    """What was trained and tested on."""

    source: str
    train: int
    dev: int
    test: int
    near_duplicates_dropped: int = 0
    notes: tuple[str, ...] = ()


class Measurement(Record):
    """How latency was taken, and with which software."""

    machine: Machine
    threads: int
    batch_size: int
    rounds: int
    versions: dict[str, str] = Field(default_factory=dict)


class Commands(Record):
    """The lines that make this again, use it, measure it and check it."""

    rebuild: str
    predict: str | None = None
    bench: str | None = None
    verify: str | None = None


class StageTime(Record):
    """How long one stage took; `reused` where an earlier run had already done it."""

    name: str
    seconds: float
    reused: bool = False


class Contribution(Record):
    """What one input of several gives, on dev."""

    input: str
    kind: str
    present: float
    """The share of rows that have it."""
    without: Quality
    """Of the teacher, where this input is missing."""
    alone: Quality
    """Of a model that learned from this input alone."""


Figure = Literal["size", "memory", "answer", "training"]


class Expectation(Record):
    """A figure of the teacher as it was estimated, with its range, and as it was measured: bytes or seconds."""

    figure: Figure
    value: float
    low: float
    high: float
    measured: float


class RunReport(Record):
    """Everything report.html says about one run of `fit`."""

    name: str
    task: dict[str, Any]
    """The task as it was resolved."""
    bar: Bar
    budget: Budget = Budget()
    objective: Objective = "latency"
    trials: tuple[Trial, ...]
    chosen: str | None
    nearest: str | None = None
    """Where nothing was chosen: the trial that came closest."""
    reason: str
    """Why this one; or by how much the nearest misses, and what would close the gap."""
    teacher: str
    verdict: Verdict | None = None
    """Of the choice, on test."""
    test: dict[str, Quality] = Field(default_factory=dict)
    """Quality on test by the trial's name."""
    test_touches: int = 0
    ledger: tuple[LedgerRow, ...] = ()
    labels: tuple[str, ...]
    teacher_confusion: Counts | None = None
    choice_confusion: Counts | None = None
    per_class: tuple[ClassChange, ...] = ()
    flips: tuple[Flip, ...] = ()
    flip_counts: FlipCounts | None = None
    vocabulary: VocabularyTrim | None = None
    calibration: Calibration | None = None
    abstain: Abstain | None = None
    data: DataFacts
    baseline_wins: bool = False
    """The linear baseline met the bar, or was better than the teacher."""
    measurement: Measurement
    contributions: tuple[Contribution, ...] = ()
    """Of each input, where rows have several."""
    expected: tuple[Expectation, ...] = ()
    """Of the teacher."""
    commands: Commands
    stages: tuple[StageTime, ...] = ()
    created: str
    """ISO 8601, UTC."""
    penjing: str
    """The version that wrote it."""

    @model_validator(mode="after")
    def _names_are_of_trials(self) -> RunReport:
        names = [trial.name for trial in self.trials]
        if len(set(names)) != len(names):
            raise ValueError("two trials have the same name")
        for name in (self.teacher, self.chosen, self.nearest, *self.test):
            if name is not None and name not in names:
                raise ValueError(f"{name!r} is not the name of a trial")
        return self

    @model_validator(mode="after")
    def _confusion_is_square(self) -> RunReport:
        for counts in (self.teacher_confusion, self.choice_confusion):
            if counts is not None and {len(counts), *map(len, counts)} != {len(self.labels)}:
                raise ValueError("a confusion matrix has one row and one column a label")
        return self
