"""How far a model's labels are those that people gave, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.metrics import cohen_kappa_score

from penjing.augment.journal import Labelled
from penjing.catalog.facts import ApiPrice
from penjing.measure.intervals import wilson
from penjing.records import Interval, Record

_NONE = ""


class Agreement(Record):
    """The share of texts that a model labels as people did; those it gives no label count as wrong."""

    accuracy: float
    ci: Interval
    """95 %."""
    kappa: float
    """Cohen's: 0 is chance, 1 is agreement."""
    unanswered: int
    n: int


def agreement(found: Sequence[Labelled], given: Sequence[str]) -> Agreement:
    """Return how far the labels agree with those given.

    >>> said = [Labelled(text="a", label="good"), Labelled(text="b", label=None)]
    >>> agreement(said, ["good", "bad"]).accuracy
    0.5
    """
    said = [one.label or _NONE for one in found]
    right = sum(one == other for one, other in zip(said, given, strict=True))
    return Agreement(
        accuracy=right / len(said),
        ci=wilson(right, len(said)),
        kappa=float(cohen_kappa_score(said, list(given))) if len({*said, *given}) > 1 else 1.0,
        unanswered=said.count(_NONE),
        n=len(said),
    )


def cost_of(found: Sequence[Labelled], price: ApiPrice) -> float:
    """Return the dollars that the answers cost."""
    read, written = sum(one.read for one in found), sum(one.written for one in found)
    return (read * price.read + written * price.written) / 1e6


def told_cost(found: Sequence[Labelled], price: ApiPrice | None) -> str:
    """Return what all answers took, those that were kept from before among them; `price` is None where it ran here."""
    read, written = sum(one.read for one in found), sum(one.written for one in found)
    if read + written == 0:
        return "the server does not say how many pieces were read and written, so what it cost is not known"
    fee = "no fee: it ran here" if price is None else f"${cost_of(found, price):.4f}, at the price of {price.title}"
    return f"{read:,} pieces read, {written:,} written: {fee}"
