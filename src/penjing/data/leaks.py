"""Examples that are held out have no near-duplicate among those that are learned."""

from __future__ import annotations

from penjing.data.dataset import Example
from penjing.data.near import near_duplicate_groups


def apart(examples: tuple[Example, ...], held_out: tuple[Example, ...]) -> tuple[Example, ...]:
    """Return the examples that are near-duplicates of none that is held out."""
    groups = near_duplicate_groups([example.text for example in held_out + examples]).tolist()
    held = set(groups[: len(held_out)])
    return tuple(example for example, group in zip(examples, groups[len(held_out) :], strict=True) if group not in held)
