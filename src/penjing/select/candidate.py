"""One way to fulfil a need, with what it takes: what a plan lists."""

from __future__ import annotations

from collections.abc import Mapping

from penjing.estimate.value import Estimate
from penjing.records import Record


class Candidate(Record):
    """A model, or none, and what becomes of it; every figure has its range and its formula."""

    name: str
    model: str | None
    """What a task's `model` says; None where there is no pretrained model."""
    way: str
    licence: str
    quality: Estimate
    """The error, relative to the least that is expected of a candidate: 1.2 is a fifth more errors."""
    size: Estimate
    memory: Mapping[str, Estimate]
    """"serve", and where something is trained "train"."""
    time: Mapping[str, Estimate]
    """"train", and "answer": one, alone; of what is written also "first" and "piece", of each piece that follows."""
    cost: Mapping[str, Estimate]
    """"train"; "month" and "per_million" requests."""
    reasons: tuple[str, ...]
    fits: bool = True
    """Whether it keeps every limit as expected; where it does not it may still, by the low end of a range."""
    tie: int = 1
    """Candidates of one group cannot be told apart in quality by what is known; the first group is the best."""


class Rejected(Record):
    """What cannot be, the rules that say so, and how far it is from them."""

    name: str
    reasons: tuple[str, ...]
    excess: float = 0.0
    """By how many times it breaks the limit that it breaks most; 0 where no limit would help."""


class Change(Record):
    """What would make a candidate fit, and what that costs, where it is known."""

    change: str
    candidate: str
    dollars_a_month: float | None = None
    time: str = ""
