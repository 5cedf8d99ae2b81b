"""How long the sounds of a task are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from penjing.data.labelled_files import Listed
from penjing.errors import DataError
from penjing.sounds.read import RATE, read_sound

_SAMPLED = 256
_MOST = 0.95  # of the sounds are heard to their end
_LEAST_S, _STEP_S = 0.3, 0.1


def seconds_of_most(listed: Sequence[Listed], *, most: float, seed: int) -> float:
    """Return how long nearly all of these sounds are at the most, in tenths of a second, but not more than `most`.

    Raises:
        DataError: none of a sample of them can be read.
    """
    rows = np.random.default_rng(seed).permutation(len(listed))[:_SAMPLED]
    found = []
    for row in rows:
        source = listed[row].source
        assert not isinstance(source, np.ndarray)
        try:
            found.append(len(read_sound(source)) / RATE)
        except DataError:
            continue
    if not found:
        raise DataError("no sound can be read", value=f"{len(rows)} were tried, such as {listed[rows[0]].name}")
    seconds = math.ceil(round(float(np.quantile(found, _MOST)) / _STEP_S, 6)) * _STEP_S
    return round(min(most, max(_LEAST_S, seconds)), 1)
