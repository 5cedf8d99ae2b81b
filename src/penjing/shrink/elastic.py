"""One model that holds smaller ones: every depth and width is a prefix of the next larger, all trained together.

Blocks go in the order in which they are least needed, heads and neurons in the order of their importance, so that
each part is what pruning to its size would leave. Then all parts learn from one teacher by the sandwich rule: at every
step the largest, the smallest, and some between, whose losses are averaged.

Sources: Hou et al. 2020, "DynaBERT" (sorting by importance, distillation of all widths and depths); Yu and Huang 2019,
"Universally Slimmable Networks" (the sandwich rule); Cai et al. 2020, "Once-for-All".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from penjing.train.encoder import EncoderShape, Part


@dataclass(frozen=True, slots=True)
class Sizes:
    """The depths and widths that an elastic model can be cut to."""

    layers: tuple[int, ...]
    heads: tuple[int, ...]
    ffn: tuple[int, ...]


def parts_of(sizes: Sizes, *, removal: Sequence[int], shape: EncoderShape) -> tuple[Part, ...]:
    """Return every part, the one with the most compute first.

    `removal` names the blocks of `shape` in the order in which they can go.

    >>> shape = EncoderShape(9, 8, 4, heads=(2, 2, 2), ffn=(64,) * 3, positions=4, labels=2)
    >>> [part.blocks for part in parts_of(Sizes((3, 1), (2,), (64,)), removal=(1, 0), shape=shape)]
    [(0, 1, 2), (2,)]
    """
    found = {
        Part(tuple(b for b in range(shape.layers) if b not in removal[: shape.layers - depth]), heads, ffn)
        for depth, heads, ffn in product(sizes.layers, sizes.heads, sizes.ffn)
    }
    return tuple(sorted(found, key=lambda part: (-compute(part, shape), -part.ffn, part.blocks)))


def compute(part: Part, shape: EncoderShape) -> float:
    """Return the multiplications a token takes in the linear layers of `part`."""
    attention = 4 * part.heads * shape.head_size * shape.hidden
    return float(len(part.blocks) * (attention + 2 * part.ffn * shape.hidden))


def sandwich(parts: Sequence[Part], *, between: int, seed: int) -> Callable[[int], tuple[Part, ...]]:
    """Return which parts learn at a step: the first (largest), the last (smallest), and `between` others by chance.

    It depends on the seed and the step alone, so that a run that was killed goes on as it would have.
    """
    inner = parts[1:-1]

    def chosen(step: int) -> tuple[Part, ...]:
        generator = np.random.default_rng((seed, step))
        drawn = generator.choice(len(inner), size=min(between, len(inner)), replace=False) if inner else ()
        return tuple(dict.fromkeys((parts[0], *(inner[index] for index in drawn), parts[-1])))

    return chosen
