"""Seeded, stratified splits in which near-duplicates stay together, whatever the order of the rows."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

from penjing.data.dataset import Example
from penjing.data.near import near_duplicate_groups

Groups = list[list[Example]]


def split_examples(
    examples: Sequence[Example], shares: Sequence[float], *, seed: int
) -> tuple[tuple[Example, ...], ...]:
    """Return one tuple of examples a share, each with about the same mix of labels.

    Near-duplicates go to the same part. The parts do not depend on the order of `examples`.
    """
    parts: list[list[Example]] = [[] for _ in shares]
    for groups in _strata(examples, seed=seed).values():
        filled = [0.0] * len(shares)
        for group in groups:
            neediest = max(
                range(len(shares)), key=lambda part: shares[part] * (sum(filled) + len(group)) - filled[part]
            )
            parts[neediest].extend(group)
            filled[neediest] += len(group)
    return tuple(tuple(sorted(part, key=lambda example: _order(example, seed))) for part in parts)


def take_stratified(examples: Sequence[Example], count: int, *, seed: int) -> tuple[Example, ...]:
    """Return about `count` examples with the same mix of labels, at least one of each label."""
    if count >= len(examples):
        return tuple(examples)
    by_label: dict[tuple[str, ...], list[Example]] = defaultdict(list)
    for example in sorted(examples, key=lambda example: _order(example, seed)):
        by_label[_stratum(example, Counter())].append(example)
    share = count / len(examples)
    taken = [example for rows in by_label.values() for example in rows[: max(1, round(share * len(rows)))]]
    return tuple(sorted(taken, key=lambda example: _order(example, seed)))


def _strata(examples: Sequence[Example], *, seed: int) -> dict[tuple[str, ...], Groups]:
    """Return groups of near-duplicates by the label that counts most for balance: the rarest of a group's."""
    frequency = Counter(label for example in examples for label in example.labels)
    groups: dict[int, list[Example]] = defaultdict(list)
    for number, example in zip(near_duplicate_groups([e.text for e in examples]).tolist(), examples, strict=True):
        groups[number].append(example)
    strata: dict[tuple[str, ...], Groups] = defaultdict(list)
    for group in groups.values():
        group.sort(key=lambda example: _order(example, seed))
        strata[min(_stratum(example, frequency) for example in group)].append(group)
    for found in strata.values():
        found.sort(key=lambda group: _order(group[0], seed))
    return dict(sorted(strata.items()))


def _stratum(example: Example, frequency: Counter[str]) -> tuple[str, ...]:
    if len(example.labels) <= 1 or not frequency:
        return example.labels
    return (min(example.labels, key=lambda label: (frequency[label], label)),)


def _order(example: Example, seed: int) -> tuple[bytes, tuple[str, ...]]:
    return hashlib.sha256(f"{seed}\0{example.text}".encode("utf-8", "surrogatepass")).digest(), example.labels
