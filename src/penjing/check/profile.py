"""What the data is like: labels that are rare or few, lengths, languages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from penjing.check.finding import Finding, Parts, shown
from penjing.select.need import pieces_of
from penjing.select.spoken import spoken_in

_FEWEST, _UNEVEN = 10, 20
"""Examples below which a label can hardly be learned; how often the commonest may have those of the rarest."""
_MOST_PIECES = 512
_NAMED = 8


def find_profile(parts: Parts) -> Iterator[Finding]:
    """Yield what the labels, lengths and languages of the training texts are like."""
    train = parts["train"]
    counts = Counter(label for one in train for label in one.labels)
    few = [label for label, count in counts.items() if count < _FEWEST]
    if few:
        yield Finding(name="rare labels", severity="warning",
                      says=f"{len(few):,} labels have fewer than {_FEWEST} examples: {_named(few)}",
                      fix="add examples, merge them with others, or leave them out")  # fmt: skip
    most, least = max(counts.values(), default=0), min(counts.values(), default=0)
    if least and most > _UNEVEN * least:
        yield Finding(name="uneven labels", severity="note",
                      says=f"the commonest label has {most:,} examples and the rarest {least:,}",
                      fix='judge by macro_f1, not by accuracy: bar.metric = "macro_f1"')  # fmt: skip
    spellings: dict[str, list[str]] = defaultdict(list)
    for label in sorted(counts):
        spellings["".join(label.casefold().split())].append(label)
    alike = [" and ".join(map(repr, found)) for found in spellings.values() if len(found) > 1]
    if alike:
        yield Finding(name="labels spelt twice", severity="error",
                      says=f"labels differ in case or spaces alone: {'; '.join(alike[:_NAMED])}",
                      fix="give each label one spelling")  # fmt: skip
    if len(counts) < 2:
        yield Finding(name="one label", severity="error", says=f"train has {len(counts)} label: nothing can be learned",
                      fix="check the column of labels")  # fmt: skip
    unseen = {part: {label for one in found for label in one.labels} - counts.keys() for part, found in parts.items()}
    for part, labels in unseen.items():
        if labels:
            yield Finding(name="unseen labels", severity="error",
                          says=f"{part} has labels that train has not: {_named(sorted(labels))}",
                          fix="add training examples of them, or correct them")  # fmt: skip
    texts = [one.text for one in train if one.text]
    spoken = spoken_in(texts)
    pieces = np.array([pieces_of([text]) for text in texts] or [0])
    middle, long = (int(value) for value in np.quantile(pieces, (0.5, 0.99)))
    yield Finding(name="profile", severity="note",
                  says=f"{len(train):,} training texts, {len(counts):,} labels, {', '.join(spoken)}; about {middle:,} "
                  f"pieces each, and 1 % have more than {long:,}",
                  fix="nothing")  # fmt: skip
    cut = [("train", row) for row, one in enumerate(train) if pieces_of([one.text]) > _MOST_PIECES]
    if cut:
        yield Finding(name="long texts", severity="warning",
                      says=f"{len(cut):,} texts have more than about {_MOST_PIECES} pieces: most encoders stop there",
                      fix="put what matters first, or cut them into parts", places=tuple(cut),
                      examples=shown(parts, cut))  # fmt: skip


def _named(labels: list[str]) -> str:
    more = len(labels) - _NAMED
    return ", ".join(map(repr, labels[:_NAMED])) + (f" and {more:,} more" if more > 0 else "")
