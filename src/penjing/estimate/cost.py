"""Energy, emissions and money of so many hours of work.

Sources: Strubell et al. 2019, "Energy and Policy Considerations for Deep Learning in NLP"; Lacoste et al. 2019,
"Quantifying the Carbon Emissions of Machine Learning".
"""

from __future__ import annotations

from penjing.estimate.value import Estimate, exact, ranged

SECONDS_A_MONTH = 30.4 * 24 * 3600


def energy_kwh(*, hours: float, watts: float, overhead: float = 1.1) -> Estimate:
    """Return what `hours` at `watts` take, with what the building takes besides (PUE)."""
    value = hours * watts * overhead / 1000
    return ranged(
        value, "kWh", "hours x watts x overhead / 1000", spread=(0.7, 1.1), hours=hours, watts=watts, overhead=overhead
    )


def emissions_kg(energy: Estimate, *, kg_per_kwh: float) -> Estimate:
    """Return the carbon dioxide of that energy."""
    return Estimate(
        value=energy.value * kg_per_kwh, low=energy.low * kg_per_kwh, high=energy.high * kg_per_kwh, unit="kg CO2e",
        basis=energy.basis, formula="kWh x kg a kWh", inputs={"kwh": energy.value, "kg_per_kwh": kg_per_kwh},
    )  # fmt: skip


def rent(*, seconds: Estimate, price_per_hour: tuple[float, float], devices: int = 1) -> Estimate:
    """Return what a rented device costs for so long, between its lowest and highest price."""
    low, high = price_per_hour
    middle = (low + high) / 2
    return Estimate(
        value=seconds.value / 3600 * middle * devices, low=seconds.low / 3600 * low * devices,
        high=seconds.high / 3600 * high * devices, unit="USD", basis=seconds.basis, formula="hours x price x devices",
        inputs={"seconds": seconds.value, "price_low": low, "price_high": high, "devices": devices},
    )  # fmt: skip


def per_million(*, answer_s: Estimate, price_per_hour: tuple[float, float], share_busy: float = 1.0) -> Estimate:
    """Return what a million answers cost on one device that is busy a share of its time."""
    times = 1e6 / share_busy
    million = Estimate(
        value=times * answer_s.value, low=times * answer_s.low, high=times * answer_s.high, unit="s",
        basis=answer_s.basis, formula="a million answers", inputs={"busy": share_busy},
    )  # fmt: skip
    return rent(seconds=million, price_per_hour=price_per_hour)


def break_even_per_month(*, price_per_hour: float, api_per_answer: float) -> Estimate:
    """Return how many answers a month make an own machine, running all the time, as cheap as an API.

    >>> round(break_even_per_month(price_per_hour=0.1, api_per_answer=0.0002).value)
    364800
    """
    month = price_per_hour * SECONDS_A_MONTH / 3600
    return exact(
        month / api_per_answer, "answers a month", "price a month / price of an answer", month=month, api=api_per_answer
    )


def rent_or_buy_months(
    *, price: float, watts: float, per_kwh: float, rent_per_hour: float, hours_a_month: float
) -> Estimate | None:
    """Return after how many months a bought device is cheaper than a rented one; None where it never is."""
    saved = (rent_per_hour - watts / 1000 * per_kwh) * hours_a_month
    if saved <= 0:
        return None
    return exact(price / saved, "months", "price / (rent - electricity) a month", price=price, saved=saved)
