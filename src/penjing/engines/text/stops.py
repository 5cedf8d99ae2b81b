"""Text up to a stop string, from pieces that may cut one in two."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing


def before_stop(pieces: Generator[str], stops: Sequence[str]) -> Iterator[str]:
    """Yield `pieces` up to the first of `stops`, none of which is shown; then `pieces` is closed.

    What may be the beginning of a stop is held back until that is known.

    >>> list(before_stop((piece for piece in ("one E", "N", "D two")), ["END"]))
    ['one ']
    >>> list(before_stop((piece for piece in ("one E", "lse")), ["END"]))
    ['one ', 'Else']
    """
    held = ""
    with closing(pieces):
        for piece in pieces:
            held += piece
            places = [place for stop in stops if (place := held.find(stop)) >= 0]
            if places:
                if text := held[: min(places)]:
                    yield text
                return
            keep = max((_overlap(held, stop) for stop in stops), default=0)
            if text := held[: len(held) - keep]:
                yield text
            held = held[len(held) - keep :]
    if held:
        yield held


def _overlap(text: str, stop: str) -> int:
    """Return how many of the last characters of `text` begin `stop`."""
    return next((size for size in range(min(len(text), len(stop)), 0, -1) if stop.startswith(text[-size:])), 0)
