"""Bits per byte of a language model: they compare models of different vocabularies.

The negative log2-likelihood of a text divided by its UTF-8 bytes.
Source: Gao et al. 2020, "The Pile", section 3.1 (bits per UTF-8 encoded byte).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from penjing.measure.scored import Scored

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Surprise:
    """What a model made of some passages: the nats of each, and its bytes."""

    nats: Floats
    n_bytes: Floats

    @property
    def scored(self) -> Scored:
        """As what is judged: bits over bytes."""
        return Scored("bits_per_byte", self.nats / log(2), self.n_bytes)

    @property
    def bits_per_byte(self) -> float:
        """Of all passages together.

        >>> Surprise(np.array([log(2) * 8, 0.0]), np.array([4.0, 4.0])).bits_per_byte
        1.0
        """
        return self.scored.value


def perplexity(bits_per_byte: float, *, n_bytes: float, pieces: int) -> float:
    """Return the perplexity of a piece; it compares models of one vocabulary alone.

    >>> round(perplexity(1.0, n_bytes=8, pieces=4), 3)
    4.0
    """
    return exp(bits_per_byte * log(2) * n_bytes / pieces)
