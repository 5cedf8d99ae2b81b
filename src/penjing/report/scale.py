"""Axes: from values to positions, and where the ticks go."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Scale:
    """Maps `low`..`high` to positions `start`..`stop`."""

    low: float
    high: float
    start: float
    stop: float
    kind: Literal["linear", "log"] = "linear"

    def __call__(self, value: float) -> float:
        """Return the position of a value.

        >>> Scale(1, 100, 0, 10, "log")(10)
        5.0
        """
        low, high, at = (self._unit(v) for v in (self.low, self.high, value))
        return self.start + (self.stop - self.start) * (at - low) / (high - low)

    def ticks(self) -> list[float]:
        """Return round values to mark, at most about six.

        >>> Scale(1, 100, 0, 10, "log").ticks()
        [1, 2, 5, 10, 20, 50, 100]
        """
        return _log_ticks(self.low, self.high) if self.kind == "log" else _ticks(self.low, self.high)

    def _unit(self, value: float) -> float:
        return math.log10(value) if self.kind == "log" else value


def quality_scale(values: list[float], *, start: float, stop: float) -> Scale:
    """Return a linear scale with some air around the values."""
    low, high = min(values), max(values)
    air = max((high - low) * 0.08, 0.004)
    return Scale(low - air, high + air, start, stop)


def cost_scale(values: list[float], *, start: float, stop: float) -> Scale:
    """Return a scale for sizes or times: logarithmic where they span more than a factor of ten."""
    low, high = min(values), max(values)
    if high > 10 * low:
        return Scale(low / 1.6, high * 1.6, start, stop, "log")
    air = max((high - low) * 0.1, high * 0.05)
    return Scale(max(0.0, low - air), high + air, start, stop)


def _ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / 5
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 5, 10) if m * magnitude >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(n * step, 12) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [m * 10**p if p >= 0 else m / 10**-p for p in powers for m in steps]
        kept = [value for value in found if low <= value <= high]
        if len(kept) <= 7:
            break
    return kept
