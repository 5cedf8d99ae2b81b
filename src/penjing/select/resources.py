"""Time and money of a way on the machines of a need."""

from __future__ import annotations

import math

from penjing.catalog.facts import Device, DevicePrice, Prices
from penjing.estimate.cost import SECONDS_A_MONTH, energy_kwh, rent
from penjing.estimate.memory import Fitting
from penjing.estimate.speed import step_seconds as step_of
from penjing.estimate.tensors import Model
from penjing.estimate.value import Estimate, ranged
from penjing.select.need import Need

INT8_GAIN = 2.5
"""Of int8 over float32 on a CPU: measured here 1.7 with AVX2, 3.8 with VNNI (docs/benchmarks.md)."""
_FIXED_S = {"cpu": 2e-4, "gpu": 1e-3, "tpu": 2e-3}
"""Of an answer, beside its operations: tokenizing and starting."""
_SHARE = {"cpu": 0.6, "gpu": 0.25, "tpu": 0.3}
"""Of the peak that fine-tuning reaches; of a measured speed two thirds (docs/benchmarks.md)."""
_EFFECTIVE = 0.65
MOST_BUSY = 0.3
"""The share of its time that a server may be busy, so that nobody waits."""
_OWNED_MONTHS = 36


def answer_seconds(work: float, device: Device, *, int8: bool) -> Estimate:
    """Return the seconds of one answer of `work` operations."""
    share = 1.0 if device.effective else 0.35
    if device.kind == "cpu":
        speed = device.float32 * share * (INT8_GAIN if int8 else 1.0)
    else:
        speed = (device.bfloat16 or device.float32) * share
    fixed = _FIXED_S[device.kind]
    return ranged(
        work / speed + fixed, "s", "operations / speed + fixed", spread=(0.5, 2.0), operations=work, speed=speed,
        fixed=fixed,
    )  # fmt: skip


def training_seconds(work: float, device: Device) -> Estimate:
    """Return the seconds of `work` operations of training."""
    share = _EFFECTIVE if device.effective else _SHARE[device.kind]
    speed = (device.bfloat16 or device.float32) * share
    return ranged(
        work / speed, "s", "operations / (peak x share)", spread=(0.5, 2.0), operations=work, peak=speed / share,
        share=share,
    )  # fmt: skip


def step_seconds(model: Model, fitting: Fitting, device: Device) -> Estimate:
    """Return the seconds of one step of training on a device."""
    share = _EFFECTIVE if device.effective else _SHARE[device.kind]
    peak = device.float32 if fitting.precision == "float32" else device.bfloat16 or device.float32
    return step_of(model, fitting, speed=share * peak, bandwidth=device.bandwidth)


def training_cost(seconds: Estimate, device: Device, prices: Prices) -> Estimate:
    """Return the dollars of training: rent where the device can be rented, else electricity."""
    price = prices.devices.get(device.name)
    if price is not None and price.rent is not None:
        return rent(seconds=seconds, price_per_hour=price.rent)
    return _electricity(seconds, device, prices)


def monthly_cost(answer: Estimate, need: Need, prices: Prices) -> Estimate:
    """Return the dollars a month of as many devices as the requests need."""
    least, devices, most = (
        max(1, math.ceil(need.requests * seconds / SECONDS_A_MONTH / MOST_BUSY))
        for seconds in (answer.low, answer.value, answer.high)
    )
    price = prices.devices.get(need.serve_on.name)
    low, high = month_of(need.serve_on, price, prices)
    return Estimate(
        value=devices * (low + high) / 2, low=least * low, high=most * high, unit="USD", basis="assumed",
        formula="devices x electricity: no price is known"
        if price is None
        else "devices x (rent, or a 36th of the price and electricity)",
        inputs={"devices": devices, "requests": need.requests, "busy": MOST_BUSY},
    )  # fmt: skip


def month_of(device: Device, price: DevicePrice | None, prices: Prices) -> tuple[float, float]:
    """Return the least and the most dollars of a device a month: rented, or a 36th of its price and electricity."""
    hours = SECONDS_A_MONTH / 3600
    if price is not None and price.rent is not None:
        return price.rent[0] * hours, price.rent[1] * hours
    bought = 0.0 if price is None or price.buy is None else price.buy / _OWNED_MONTHS
    power = device.watts / 1000 * hours * prices.electricity
    return bought + 0.3 * power, bought + power


def _electricity(seconds: Estimate, device: Device, prices: Prices) -> Estimate:
    least, usual, most = (
        energy_kwh(hours=value / 3600, watts=device.watts) for value in (seconds.low, seconds.value, seconds.high)
    )
    return Estimate(
        value=usual.value * prices.electricity, low=least.low * prices.electricity,
        high=most.high * prices.electricity, unit="USD", basis="assumed", formula="kWh x price",
        inputs={"kwh": usual.value, "price": prices.electricity},
    )  # fmt: skip
