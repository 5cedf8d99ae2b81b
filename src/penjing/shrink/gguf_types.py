"""Which type each tensor of a GGUF file is stored in: more bits where rounding costs more.

Below two billion parameters one type for all is too coarse; here every tensor has a list of what it could be, and bits
go where a byte buys most. It is the greedy answer to a knapsack whose items are upgrades on the lower convex hull.
Source: Shoham and Gersho 1988, "Efficient bit allocation for an arbitrary set of quantizers".
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TYPES = ("IQ4_NL", "Q4_K", "Q5_0", "Q5_K", "Q5_1", "Q6_K", "Q8_0")
"""What a tensor may become; the k-quants only where rows are multiples of 256 weights."""


@dataclass(frozen=True, slots=True)
class Option:
    """One way to store a tensor."""

    type_name: str
    size_bytes: int
    cost: float
    """The nats that a piece gains by it."""


def choose_types(options: Mapping[str, Sequence[Option]], *, size_bytes: int) -> dict[str, Option]:
    """Return an option for each tensor so that all together take at most `size_bytes`, or as little as they can.

    >>> options = {"a": [Option("Q4_0", 4, 9.0), Option("Q8_0", 8, 1.0)], "b": [Option("Q4_0", 4, 2.0),
    ...            Option("Q8_0", 8, 1.5)]}
    >>> {name: option.type_name for name, option in choose_types(options, size_bytes=12).items()}
    {'a': 'Q8_0', 'b': 'Q4_0'}
    """
    ladders = {name: hull(found) for name, found in options.items()}
    places = dict.fromkeys(ladders, 0)
    left = size_bytes - sum(ladder[0].size_bytes for ladder in ladders.values())
    upgrades = [(*_worth(ladder, 0), name) for name, ladder in ladders.items() if len(ladder) > 1]
    heapq.heapify(upgrades)
    while upgrades:
        _, size, name = heapq.heappop(upgrades)
        if size > left:
            continue
        left -= size
        places[name] += 1
        if places[name] + 1 < len(ladders[name]):
            heapq.heappush(upgrades, (*_worth(ladders[name], places[name]), name))
    return {name: ladders[name][place] for name, place in places.items()}


def hull(options: Sequence[Option]) -> tuple[Option, ...]:
    """Return the options on the lower convex hull of cost over size, the smallest first.

    >>> [found.type_name for found in hull([Option("a", 1, 9.0), Option("b", 2, 8.9), Option("c", 3, 1.0)])]
    ['a', 'c']
    """
    kept: list[Option] = []
    for option in sorted(options, key=lambda found: (found.size_bytes, found.cost)):
        if kept and option.cost >= kept[-1].cost:
            continue
        while len(kept) > 1 and _slope(kept[-2], kept[-1]) >= _slope(kept[-2], option):
            kept.pop()
        kept.append(option)
    return tuple(kept)


def _slope(one: Option, other: Option) -> float:
    return (other.cost - one.cost) / (other.size_bytes - one.size_bytes)


def _worth(ladder: Sequence[Option], place: int) -> tuple[float, int]:
    """Return the slope of the next upgrade, steepest first, and the bytes it takes."""
    return _slope(ladder[place], ladder[place + 1]), ladder[place + 1].size_bytes - ladder[place].size_bytes
