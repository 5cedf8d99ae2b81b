"""What data must be for a classifier to be trained and judged on it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from penjing.data.dataset import Example, Splits
from penjing.errors import DataError

_MOST_LABELS = 1000
_LEAST_ROWS = 8


@dataclass(frozen=True)
class Cleaned:
    """Examples without empty texts, repeats and contradictions, and a sentence on each kind dropped."""

    examples: tuple[Example, ...]
    notes: tuple[str, ...]


def clean(examples: Sequence[Example], *, origin: object) -> Cleaned:
    """Return the examples that can be used.

    Raises:
        DataError: there are none, or more than half of the texts are empty.
    """
    filled = [example for example in examples if example.text]
    empty = len(examples) - len(filled)
    if not examples or empty * 2 > len(examples):
        raise DataError(
            "most texts are empty" if examples else "there are no rows",
            value=f"{origin}: {empty} of {len(examples)}",
            next_step="Check data.text, the column that holds the text",
        )
    labels: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for example in filled:
        labels[example.text].add(example.labels)
    unique = dict.fromkeys(filled)
    kept = tuple(example for example in unique if len(labels[example.text]) == 1)
    contradictory = sum(len(found) > 1 for found in labels.values())
    notes = (
        (empty, "empty texts dropped"),
        (len(filled) - len(unique), "repeats of the same text and label dropped"),
        (contradictory, "texts with contradictory labels dropped"),
    )
    return Cleaned(kept, tuple(f"{origin}: {count:,} {what}" for count, what in notes if count))


def label_names(train: Sequence[Example], *, origin: object) -> tuple[str, ...]:
    """Return the sorted labels of the training split.

    Raises:
        DataError: there is one label only, or so many that the column is hardly one of labels, or one with too few
            examples.
    """
    counts = Counter(label for example in train for label in example.labels)
    if len(counts) < 2:
        raise DataError(
            "a classifier needs at least two labels",
            value=f"{origin} has {', '.join(map(repr, counts)) or 'none'}",
            next_step="Check data.label, the column that holds the label",
        )
    if len(counts) > _MOST_LABELS or len(counts) > 0.5 * len(train):
        numbers = all(_is_number(label) for label in counts)
        guess = "The labels are numbers: this looks like regression, which is not supported" if numbers else ""
        raise DataError(
            "too many different labels",
            value=f"{len(counts):,} in {len(train):,} rows",
            rule=f"at most {_MOST_LABELS:,}, and several examples of each",
            next_step=guess or "Check that data.text and data.label are not swapped",
        )
    rare = sorted(label for label, count in counts.items() if count < 2)
    if rare:
        raise DataError(
            "labels with a single training example",
            value=", ".join(rare[:10]),
            rule="at least 2 each",
            next_step="Add examples, or merge or drop these labels",
        )
    return tuple(sorted(counts))


def check_splits(splits: Splits) -> None:
    """Raise DataError where a split is too small, or holds a label that training never saw."""
    for name in ("train", "dev", "test"):
        examples: tuple[Example, ...] = getattr(splits, name)
        if len(examples) < _LEAST_ROWS:
            raise DataError(
                f"the {name} split is too small",
                value="; ".join([f"{len(examples)} rows", *(n for n in splits.notes if n.startswith(f"{name}:"))]),
                rule=f"at least {_LEAST_ROWS}",
            )
        unseen = Counter(label for example in examples for label in example.labels if label not in splits.labels)
        if unseen:
            shown = ", ".join(f"{label!r} ({count})" for label, count in unseen.most_common(10))
            raise DataError(
                f"labels occur only in {name}",
                value=shown,
                rule="every label has training examples",
                next_step="Add examples of them to train, or correct the labels",
            )
        if len({example.labels for example in examples}) < 2:
            raise DataError(f"the {name} split has one label only", value=str(examples[0].labels))


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return True
