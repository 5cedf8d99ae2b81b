"""Numbers as the report prints them: the same digits in both languages."""

from __future__ import annotations

import re
from typing import Any

from penjing.records import Interval, Step
from penjing.units import show_seconds, show_size

_THIN = "\u202f"  # a narrow space that does not break
NOT_MEASURED = "–"
_UNITS = {"mcc": "mcc", "bits_per_byte": "bits"}
"""Of metrics that are no shares, which are shown with three digits."""
_SHARED = ("fine-tune", "vocabulary")  # steps of every model


def quality(value: float, metric: str) -> str:
    """Return a metric's value: a percentage, or three digits for a correlation.

    >>> quality(0.8634, "mcc")
    '0.863'
    """
    return f"{value:.3f}" if metric in _UNITS else share(value)


def share(value: float) -> str:
    """Return a fraction as a percentage with one decimal."""
    return _minus(f"{value * 100:.1f}{_THIN}%")


def interval(ci: Interval, metric: str) -> str:
    """Return an interval in the metric's digits.

    >>> interval(Interval(low=0.851, high=0.88), "accuracy") == "[85.1,\N{NO-BREAK SPACE}88.0]"
    True
    """
    return f"[{digits(ci.low, metric)},\u00a0{digits(ci.high, metric)}]"


def digits(value: float, metric: str) -> str:
    """Return a value or a difference without its unit: points, or three digits for a correlation.

    >>> digits(-0.0123, "accuracy"), digits(-0.0001, "accuracy")
    ('−1.2', '0.0')
    """
    shown = f"{value:.3f}" if metric in _UNITS else f"{value * 100:.1f}"
    return _minus(shown.removeprefix("-") if float(shown) == 0 else shown)


def unit(metric: str) -> str:
    """Return what differences of the metric are called, as a key of the report's words.

    >>> unit("accuracy"), unit("mcc")
    ('points', 'mcc')
    """
    return _UNITS.get(metric, "points")


def signed(value: float, metric: str) -> str:
    """Return a difference with its sign.

    >>> signed(0.004, "accuracy")
    '+0.4'
    """
    shown = digits(value, metric)
    return f"+{shown}" if value > 0 and float(shown) != 0 else shown


def probability(value: float) -> str:
    """Return a probability in whole percent, never rounded up to certainty.

    >>> probability(0.998) == f">{_THIN}99{_THIN}%"
    True
    """
    if value > 0.99:
        return f">{_THIN}99{_THIN}%"
    if value < 0.01:
        return f"<{_THIN}1{_THIN}%"
    return f"{value * 100:.0f}{_THIN}%"


def latency(seconds: float) -> str:
    """Return a latency with two or three significant digits.

    >>> latency(0.0000861) == f"86{_THIN}µs", latency(0.0213) == f"21.3{_THIN}ms"
    (True, True)
    """
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f}{_THIN}µs"
    if seconds >= 1:
        return f"{seconds:.2f}{_THIN}s"
    return f"{seconds * 1e3:.{2 if seconds < 0.01 else 1 if seconds < 0.1 else 0}f}{_THIN}ms"


def size(size_bytes: float) -> str:
    """Return bytes with their unit on the same line."""
    return show_size(size_bytes).replace(" ", _THIN)


def duration(seconds: float) -> str:
    """Return how long something took, on one line."""
    return show_seconds(seconds).replace(" ", _THIN)


def limit(shown: str) -> str:
    """Return a quantity the user chose without zeros that say nothing.

    >>> limit("20.0 MB"), limit("5.00 ms"), limit("1.0")
    ('20 MB', '5 ms', '1')
    """
    return re.sub(r"\.0+(?!\d)|(\.\d*?[1-9])0+(?!\d)", r"\1", shown)


def times(factor: float) -> str:
    """Return a factor, with a decimal where it says something.

    >>> times(3.44), times(57.9)
    ('3.4', '58')
    """
    return f"{factor:.1f}" if factor < 9.95 else f"{factor:,.0f}"


def count(n: int) -> str:
    """Return a whole number in groups of three.

    >>> count(17363)
    '17,363'
    """
    return f"{n:,}"


def parameters(n: int) -> str:
    """Return a number of parameters.

    >>> parameters(117_653_760) == f"117.7{_THIN}M", parameters(8_200) == f"8.2{_THIN}k"
    (True, True)
    """
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if n >= size:
            return f"{n / size:.1f}{_THIN}{unit}"
    return str(n)


def step(name: str, values: dict[str, Any]) -> str:
    """Return a step as a person would write it down.

    >>> step("depth", {"layers": 3}), step("int8", {"reverted": []})
    ('depth layers=3', 'int8')
    """
    return " ".join([name, *(f"{key}={value}" for key, value in values.items() if value not in ([], ()))])


def recipe(steps: tuple[Step, ...]) -> str:
    """Return a recipe in one line; the values of the steps that all models share are in the ledger.

    >>> recipe((Step(name="fine-tune", values={"epochs": 3}), Step(name="depth", values={"layers": 3})))
    'fine-tune → depth layers=3'
    """
    return " → ".join(step(s.name, {} if s.name in _SHARED else s.values) for s in steps)


def _minus(text: str) -> str:
    return text.replace("-", "−")
