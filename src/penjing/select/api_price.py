"""The other way: an API, and from how many requests a month on it is dearer than a machine of one's own."""

from __future__ import annotations

from collections.abc import Sequence

from penjing.catalog.facts import Prices
from penjing.estimate.cost import SECONDS_A_MONTH, break_even_per_month
from penjing.estimate.value import Estimate
from penjing.records import Record
from penjing.select.candidate import Candidate
from penjing.select.need import Need

_API_WORDS = {"classify": (150, 5), "generate": (0, 0), "translate": (40, 0)}
"""Pieces around a text that an API is asked with, and that it answers where this is not the text's own length."""


class Api(Record):
    """What an API costs."""

    title: str
    per_million: float
    """Dollars of a million requests."""
    month: float
    break_even: Estimate | None
    """Requests a month; None where the first candidate's machine costs nothing a month."""


def api_price(need: Need, ranked: Sequence[Candidate], prices: Prices) -> Api:
    """Return what the API of a need costs, beside the machine of the first candidate."""
    price = prices.apis[need.api]
    around, answered = _API_WORDS[need.kind]
    written = answered or need.written
    each = ((need.tokens + around) * price.read + written * price.written) / 1e6
    month = ranked[0].cost["month"].value if ranked else 0.0
    point = (
        break_even_per_month(price_per_hour=month / (SECONDS_A_MONTH / 3600), api_per_answer=each) if month else None
    )
    return Api(title=price.title, per_million=1e6 * each, month=each * need.requests, break_even=point)
