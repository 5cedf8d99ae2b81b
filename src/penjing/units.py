"""Quantities as people write them ("20 MB", "5 ms", "10 min") to numbers, and back."""

from __future__ import annotations

import re

from penjing.errors import TaskError

_SIZES = {"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_TIMES = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\s*")


def parse_size(text: str | int) -> int:
    """Return the number of bytes that `text` names.

    >>> parse_size("20 MB"), parse_size("1.5 MiB"), parse_size(512)
    (20000000, 1572864, 512)
    """
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    return round(_parse(text, _SIZES, rule='a number and a unit: "20 MB" (kB, MB, GB, KiB, MiB, GiB)'))


def parse_seconds(text: str) -> float:
    """Return the number of seconds that `text` names.

    >>> parse_seconds("250 ms"), parse_seconds("10 min")
    (0.25, 600.0)
    """
    return _parse(text, _TIMES, rule='a number and a unit: "5 ms", "90 s", "10 min", "2 h"')


def _parse(text: object, units: dict[str, float], *, rule: str) -> float:
    match = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
    factor = units.get(match[2].lower()) if match else None
    if match is None or factor is None or float(match[1]) <= 0:
        raise TaskError("not a quantity", value=text, rule=rule)
    return float(match[1]) * factor


def show_size(size_bytes: float) -> str:
    """Return bytes in the largest decimal unit that keeps the number above one.

    >>> show_size(8_123_456), show_size(512)
    ('8.1 MB', '512 B')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes:.0f} B"


def show_seconds(seconds: float) -> str:
    """Return a duration as people read it.

    >>> show_seconds(0.0042), show_seconds(75), show_seconds(179.7), show_seconds(5400)
    ('4.2 ms', '1 min 15 s', '3 min 0 s', '1 h 30 min')
    """
    if seconds < 1:
        return f"{seconds * 1e3:.1f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
