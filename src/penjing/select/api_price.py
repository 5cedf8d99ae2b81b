"""The other way: an API, and from how many requests a month on it is dearer than a machine of one's own."""

from __future__ import annotations

from collections.abc import Sequence

from penjing.catalog.facts import Prices, source_of
from penjing.estimate.cost import SECONDS_A_MONTH, break_even_per_month
from penjing.estimate.value import Estimate
from penjing.records import Record
from penjing.select.candidate import Candidate
from penjing.select.need import Need
from penjing.select.resources import MOST_BUSY, month_of

_API_WORDS = {"classify": (150, 5), "generate": (0, 0), "translate": (40, 0)}
"""Pieces around a text that an API is asked with, and that it answers where this is not the text's own length."""


class Api(Record):
    """What an API costs."""

    title: str
    per_million: float
    """Dollars of a million requests."""
    month: float
    formula: str
    break_even: Estimate | None
    """Requests a month from which one machine is cheaper; None where it never is, or nothing fits."""


def api_price(need: Need, ranked: Sequence[Candidate], prices: Prices) -> Api:
    """Return what the API of a need costs, beside one machine with the first candidate."""
    price = prices.apis[need.api]
    around, answered = _API_WORDS[need.kind]
    read, written = need.tokens + around, answered or need.written
    each = (read * price.read + written * price.written) / 1e6
    formula = (
        f"{read:,} pieces read at ${price.read:g} a million and {written:,} written at ${price.written:g} "
        f"({source_of('prices', price.source)})"
    )
    point = None if not ranked else _break_even(ranked[0].time["answer"], need, each, prices)
    return Api(title=price.title, per_million=1e6 * each, month=each * need.requests, formula=formula, break_even=point)


def _break_even(answer: Estimate, need: Need, each: float, prices: Prices) -> Estimate | None:
    """Return from how many requests on one machine is cheaper; None where it cannot answer so many."""
    least, most = month_of(need.serve_on, prices.devices.get(need.serve_on.name), prices)
    able = MOST_BUSY * SECONDS_A_MONTH / answer.value
    hours = SECONDS_A_MONTH / 3600
    low, usual, high = (
        break_even_per_month(price_per_hour=month / hours, api_per_answer=each)
        for month in (least, (least + most) / 2, most)
    )
    if usual.value > able:
        return None
    return usual.model_copy(update={"low": low.value, "high": high.value, "basis": "assumed"})
