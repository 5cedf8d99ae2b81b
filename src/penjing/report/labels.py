"""Labels beside points, placed so that they cover neither each other nor the points."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

FONT_PX = 12.0
_ABBREVIATIONS = ((" layers", "L"), (" layer", "L"), (" + ", "+"), ("embeddings", "emb."))
_DISTANCES = (9.0, 16.0, 26.0, 38.0, 52.0)
_DIRECTIONS = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))


@dataclass(frozen=True)
class Box:
    """A rectangle, in the chart's units."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Return whether the rectangles overlap."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def holds(self, other: Box) -> bool:
        """Return whether `other` is wholly inside."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


@dataclass(frozen=True)
class Anchor:
    """A point that wants a label: `needed` ones get the least bad place where none is free."""

    x: float
    y: float
    text: str
    needed: bool
    strong: bool = False


@dataclass(frozen=True)
class Placed:
    """A label in its place; `leader` where it is so far off that a line must join it to its point."""

    anchor: Anchor
    box: Box
    leader: bool


def text_width(text: str, *, font_px: float = FONT_PX) -> float:
    """Return about how wide `text` is: Chinese characters are a full em.

    >>> text_width("中") > text_width("a")
    True
    """
    ems = sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.58 for c in text)
    return ems * font_px


def shortened(text: str, *, limit: int = 24) -> str:
    """Return `text`, cut in the middle where it is longer than `limit` characters.

    >>> shortened("abcdefgh", limit=5)
    'ab…gh'
    """
    if len(text) <= limit:
        return text
    head = limit // 2
    return f"{text[:head]}…{text[len(text) - (limit - head - 1) :]}"


def compact(name: str) -> str:
    """Return a trial's name as short as a chart needs it.

    >>> compact("5 layers, 50% FFN, int8 + int4 embeddings")
    '5L, 50% FFN, int8+int4 emb.'
    """
    for long, short in _ABBREVIATIONS:
        name = name.replace(long, short)
    return shortened(name, limit=32)


def place(anchors: list[Anchor], *, area: Box, hard: list[Box], soft: list[Box]) -> list[Placed]:
    """Return the labels that fit, in the order given: the first are served first.

    Never over a box of `hard` or over another label unless `needed`; over `soft` ones only where nothing
    better is near.
    """
    placed: list[Placed] = []
    for anchor in anchors:
        taken = [*hard, *(label.box for label in placed)]
        cost, best = min(
            ((_cost(option, area, taken, soft) + _doubt(option, anchors), option) for option in _options(anchor)),
            key=lambda pair: pair[0],
        )
        if cost < 1000 or anchor.needed:
            placed.append(best)
    return placed


def _cost(option: Placed, area: Box, hard: list[Box], soft: list[Box]) -> float:
    box, anchor = option.box, option.anchor
    away = abs((box.left + box.right) / 2 - anchor.x) / 4 + abs((box.top + box.bottom) / 2 - anchor.y)
    outside = 0 if area.holds(box) else 5000
    covered = 1000 * sum(box.meets(other) for other in hard) + 25 * sum(box.meets(other) for other in soft)
    return outside + covered + away


def _doubt(option: Placed, anchors: list[Anchor]) -> float:
    """A label nearer to another point than to its own is read wrongly."""
    own = _distance(option.box, option.anchor)
    return 30.0 * sum(_distance(option.box, other) <= own for other in anchors if other is not option.anchor)


def _distance(box: Box, point: Anchor) -> float:
    dx = max(box.left - point.x, 0.0, point.x - box.right)
    dy = max(box.top - point.y, 0.0, point.y - box.bottom)
    return math.hypot(dx, dy)


def _options(anchor: Anchor) -> list[Placed]:
    width, height = text_width(anchor.text), FONT_PX * 1.2
    options = []
    for distance in _DISTANCES:
        for dx, dy in _DIRECTIONS:
            x, y = anchor.x + dx * distance, anchor.y + dy * distance
            left = x if dx > 0 else x - width if dx < 0 else x - width / 2
            top = y - height / 2 if dy == 0 else y - height if dy < 0 else y
            box = Box(left, top, left + width, top + height)
            options.append(Placed(anchor, box, leader=distance > 16))
    return options
