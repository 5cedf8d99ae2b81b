"""What Whisper says of thirty seconds: text between timestamps, and how far it got.

Source: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision", section 4.5 (long recordings
are heard window by window; the next one begins at the last timestamp).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TICK_S = 0.02
"""Between one timestamp and the next."""
WINDOW_S = 30.0


@dataclass(frozen=True, slots=True)
class Segment:
    """What is said from `start` to `end`, in seconds from the beginning of the recording."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """The tokens between two timestamps, in seconds from the beginning of the window."""

    start: float
    end: float
    tokens: tuple[int, ...]


def pieces_of(tokens: Sequence[int], *, first_timestamp: int, window_s: float) -> tuple[list[Piece], float]:
    """Return what is said in a window of `window_s` seconds, and where in it the next window begins.

    Tokens from `first_timestamp` on are timestamps. Speech that no timestamp ends, or that has only begun (the last two
    tokens are timestamps), is heard again in the next window, where any is complete in this one.

    >>> pieces_of([100, 7, 8, 150, 150, 9], first_timestamp=100, window_s=30.0)
    ([Piece(start=0.0, end=1.0, tokens=(7, 8))], 1.0)
    """
    found: list[Piece] = []
    start: float | None = None
    said: list[int] = []
    for token in tokens:
        if token < first_timestamp:
            said.append(token)
            continue
        time = min(window_s, (token - first_timestamp) * TICK_S)
        if said:
            found.append(Piece(start or 0.0, max(time, start or 0.0), tuple(said)))
            said = []
        start = time
    if not said:
        cut = len(tokens) > 1 and min(tokens[-2:]) >= first_timestamp
        return found, start if cut and found and start else window_s
    if found and start is not None and start > 0:
        return found, start
    return [*found, Piece(start or 0.0, window_s, tuple(said))], window_s
