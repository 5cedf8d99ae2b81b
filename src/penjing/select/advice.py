"""What a plan comes to, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from penjing.catalog.facts import Device, Prices
from penjing.estimate.cost import SECONDS_A_MONTH, rent_or_buy_months
from penjing.languages import language
from penjing.select.api_price import Api
from penjing.select.candidate import Candidate, Change
from penjing.select.classify import ENOUGH, FEW
from penjing.select.need import Need

_PAIRS = 50_000
_MEANS = (
    (8, "are too few to learn from: let a large model label more first, or call an API"),
    (FEW, "are few: fine-tuning is uncertain; --try shows what they are worth"),
    (ENOUGH, "are enough to fine-tune; --try shows what more would bring"),
    (math.inf, "are plenty"),
)


def advice(
    need: Need, ranked: Sequence[Candidate], api: Api, prices: Prices, *, changes: Sequence[Change]
) -> tuple[str, ...]:
    """Return what to do: with the data, on the machine or with an API, rented or bought."""
    said = [*_of_languages(need), *_of_data(need)]
    if not ranked:
        where = "the cheapest ways out are below" if changes else "--explain says why each was rejected"
        return (*said, f"Nothing fits; {where}")
    best = ranked[0]
    sure = "" if best.fits else ", though it is not expected to keep every limit"
    said.insert(0, f"First choice: {best.name}{sure}")
    if best.fits and all(one.way == "n-grams" for one in ranked if one.fits):
        said.append("Only n-grams keep your limits")
    more = (*_of_engine(need), *_of_price(need, prices), *_of_age(prices), *_rent_or_buy(need.serve_on, prices))
    return (*said, _of_api(need, best, api), *more, *_of_bar(need))


def _of_api(need: Need, best: Candidate, api: Api) -> str:
    month, machines = best.cost["month"], best.cost["month"].inputs.get("devices", 1)
    device = need.serve_on.title if machines == 1 else f"{machines:,} x {need.serve_on.title}"
    ours = f"${month.value:,.2f} (${month.low:,.2f} to ${month.high:,.2f}) a month on {device}"
    theirs = f"${api.month:,.2f} for {api.title}: {api.formula}"
    even = (
        "; one machine is never cheaper"
        if api.break_even is None
        else f"; they are even at {api.break_even.value:,.0f} requests a month"
    )
    word = "Call an API" if api.month < month.value else "Serve it yourself"
    return f"{word}: {need.requests:,} requests cost {ours}, and {theirs}{even}"


def _of_engine(need: Need) -> list[str]:
    device = need.serve_on
    if device.kind == "cpu" or (need.kind == "generate" and device.kind == "gpu"):
        return []
    return [f"penjing's own engines for this run on CPUs: on {device.title} the figures are what the hardware allows"]


def _of_age(prices: Prices) -> list[str]:
    if prices.stale_after >= date.today():
        return []
    return [f"Prices are older than they should be ({prices.stale_after}): look again, and give yours (--prices)"]


def _of_price(need: Need, prices: Prices) -> list[str]:
    price = prices.devices.get(need.serve_on.name)
    if price is not None or need.serve_on.name == "here":
        return []
    return [f"No price of {need.serve_on.title} is known: its electricity alone is counted (--prices)"]


def _of_languages(need: Need) -> list[str]:
    unknown = [code for code in need.languages if language(code).name == language(code).code]
    if not unknown:
        return []
    return [f"{', '.join(unknown)}: no language that is known here; a model of many languages may know it, or not"]


def _of_data(need: Need) -> list[str]:
    """Return what the number of examples means."""
    if need.examples is None or need.each is None:
        assumed = {"classify": ["How much data there is was not said (--examples): for times, 1,000 are assumed"]}
        return assumed.get(need.kind, ["No examples were said (--examples): models are used as they are"])
    if need.kind == "translate" and need.examples < _PAIRS:
        return [f'{need.examples:,} pairs are few for a new Transformer: start from a checkpoint (model = "hf:…")']
    if need.kind != "classify":
        return []
    means = next(said for most, said in _MEANS if need.each < most)
    return [f"{need.each:,.0f} examples a label {means}"]


def _of_bar(need: Need) -> list[str]:
    if need.bar is None:
        return []
    how = ": penjing plan task.toml --try" if need.kind == "classify" else ""
    return [f"Whether {need.bar:g} can be reached nobody knows without your data{how}"]


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
