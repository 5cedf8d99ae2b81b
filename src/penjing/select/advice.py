"""What a plan comes to, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from penjing.catalog.facts import Device, Prices
from penjing.estimate.cost import SECONDS_A_MONTH, rent_or_buy_months
from penjing.select.api_price import Api
from penjing.select.candidate import Candidate
from penjing.select.classify import ENOUGH, FEW
from penjing.select.need import Need

_PAIRS = 50_000
_MEANS = (
    (8, "are too few to learn from: let a large model label more first, or call an API"),
    (FEW, "are few: compare a frozen encoder with a linear head (--try)"),
    (ENOUGH, "are enough to fine-tune; --try shows what more would bring"),
    (math.inf, "are plenty"),
)


def advice(need: Need, ranked: Sequence[Candidate], api: Api, prices: Prices) -> tuple[str, ...]:
    """Return what to do: with the data, on the machine or with an API, rented or bought."""
    said = [*_of_data(need)]
    if not ranked:
        return (*said, "Nothing fits: see `changes` for the cheapest way out")
    best = ranked[0]
    if best.way == "n-grams":
        said.append("You need no transformer: n-grams may well do")
    month = best.cost["month"].value
    if api.month < month:
        said.append(
            f"Call an API: {need.requests:,} requests a month cost ${api.month:,.2f} there and ${month:,.2f} on "
            f"{need.serve_on.title}" + _from(api)
        )
    else:
        said.append(
            f"Serve it yourself: ${month:,.2f} a month on {need.serve_on.title}, and ${api.month:,.2f} for "
            f"{api.title}" + _from(api)
        )
    return (*said, *_rent_or_buy(need.serve_on, prices), *_of_bar(need))


def _from(api: Api) -> str:
    return "" if api.break_even is None else f"; they are even at {api.break_even.value:,.0f} requests a month"


def _of_data(need: Need) -> list[str]:
    """Return what the number of examples means."""
    if need.examples is None or need.each is None:
        return ["How much data there is was not said (--examples): for times, 1,000 examples are assumed"]
    if need.kind == "translate" and need.examples < _PAIRS:
        return [f"{need.examples:,} pairs are few for a new Transformer: start from a checkpoint"]
    if need.kind != "classify":
        return []
    means = next(said for most, said in _MEANS if need.each < most)
    return [f"{need.each:,.0f} examples a label {means}"]


def _of_bar(need: Need) -> list[str]:
    if need.bar is None:
        return []
    return [f"Whether {need.bar:g} can be reached nobody knows without your data: penjing plan task.toml --try"]


def _rent_or_buy(device: Device, prices: Prices) -> list[str]:
    price = prices.devices.get(device.name)
    if price is None or price.rent is None or price.buy is None:
        return []
    months = rent_or_buy_months(
        price=price.buy, watts=device.watts, per_kwh=prices.electricity, rent_per_hour=sum(price.rent) / 2,
        hours_a_month=SECONDS_A_MONTH / 3600,
    )  # fmt: skip
    if months is None:
        return [f"Rent {device.title}: its electricity costs more than the rent"]
    return [f"Buying {device.title} for ${price.buy:,.0f} pays after {months.value:.1f} months of renting it all day"]
