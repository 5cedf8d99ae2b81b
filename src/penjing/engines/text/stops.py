"""Where a text ends: before a stop string, though pieces may cut it in two, and after a whole character."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

_CUT = "\N{REPLACEMENT CHARACTER}"


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


def whole_characters(pieces: Generator[str]) -> Generator[str]:
    """Yield `pieces` without the marks of a cut character at the end; then `pieces` is closed.

    >>> list(whole_characters(piece for piece in ("盆", "\ufffd")))
    ['盆']
    >>> list(whole_characters(piece for piece in ("a\ufffd", "b")))
    ['a', '\ufffdb']
    """
    held = ""
    with closing(pieces):
        for piece in pieces:
            text = held + piece
            whole = text.rstrip(_CUT)
            held = text[len(whole) :]
            if whole:
                yield whole


def _overlap(text: str, stop: str) -> int:
    """Return how many of the last characters of `text` begin `stop`."""
    return next((size for size in range(min(len(text), len(stop)), 0, -1) if stop.startswith(text[-size:])), 0)
