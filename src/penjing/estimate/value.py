"""A figure that says how it was found: its range, its formula, and what went in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from penjing.records import Record

Basis = Literal["exact", "measured", "calibrated", "assumed"]


class Estimate(Record):
    """A value with the range it lies in; `unit` is that of all three."""

    value: float
    low: float
    high: float
    unit: str
    basis: Basis
    formula: str
    inputs: Mapping[str, float | str] = {}


def exact(value: float, unit: str, formula: str, **inputs: float | str) -> Estimate:
    """Return what is counted, not guessed."""
    return Estimate(value=value, low=value, high=value, unit=unit, basis="exact", formula=formula, inputs=inputs)


def ranged(
    value: float,
    unit: str,
    formula: str,
    *,
    spread: tuple[float, float],
    basis: Basis = "assumed",
    **inputs: float | str,
) -> Estimate:
    """Return a value between its products with both numbers of `spread`.

    >>> ranged(10.0, "s", "work / speed", spread=(0.8, 1.3)).high
    13.0
    """
    low, high = (value * factor for factor in spread)
    return Estimate(value=value, low=low, high=high, unit=unit, basis=basis, formula=formula, inputs=inputs)


def total(parts: Mapping[str, Estimate], unit: str) -> Estimate:
    """Return the sum of parts, each of which may lie anywhere in its range."""
    basis: Basis = "exact" if all(part.basis == "exact" for part in parts.values()) else "assumed"
    return Estimate(
        value=sum(part.value for part in parts.values()),
        low=sum(part.low for part in parts.values()),
        high=sum(part.high for part in parts.values()),
        unit=unit,
        basis=basis,
        formula=" + ".join(parts),
        inputs={name: part.value for name, part in parts.items()},
    )
