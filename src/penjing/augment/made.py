"""Training texts told anew: made one way, and kept where they still say what their label says.

A text that was made is kept where n-grams that have not seen its source take it for its source's label, or are at least
as sure of that label as they are of the source. Whether it helps is another question: see gain.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from penjing.data.dataset import Example
from penjing.data.splits import take_stratified
from penjing.errors import DataError, EngineError
from penjing.progress import Reporter
from penjing.select.probes import fit_head, ngram_features

Way = Callable[[str, int], list[str]]
"""What tells a text anew, so many times; versions may be fewer."""

_FOLDS = 5
_LONGEST = 3.0  # times its source


@dataclass(frozen=True)
class Made:
    """A text that was made, and what it was made from."""

    text: str
    label: str
    source: int
    """The place of its source among the training texts."""


@dataclass(frozen=True)
class Augmented:
    """What was made and kept, and how much was not."""

    made: tuple[Made, ...]
    repeats: int
    """Versions that were there already."""
    doubtful: int
    """Versions whose label the n-grams doubt."""
    stopped: str | None = None
    """Why what makes them failed before all texts had their turn."""


def augmented(
    examples: Sequence[Example],
    way: Way,
    *,
    times: int,
    reporter: Reporter,
    limit: int | None = None,
    seed: int = 13,
) -> Augmented:
    """Return at most `times` new versions of each example, or of `limit` of them, drawn by label.

    Raises:
        DataError: examples have several labels, or a label has one example.
        EngineError: what makes versions failed before it made one.
    """
    if any(len(example.labels) != 1 for example in examples):
        raise DataError("texts with several labels cannot be told anew yet", rule="one label a text")
    rare = sorted(label for label, count in Counter(one.labels[0] for one in examples).items() if count < 2)
    if rare:
        raise DataError("labels with a single training example", value=", ".join(rare[:10]), rule="at least 2 each")
    reporter.begin("versions")
    chosen = set(examples if limit is None else take_stratified(tuple(examples), limit, seed=seed)[:limit])
    found, repeats, stopped = _versions(examples, chosen, way, times, reporter)
    reporter.end(f"{len(found):,} made", reused=False)
    reporter.begin("labels")
    sure = _keep_their_label(examples, found, seed=seed)
    kept = tuple(one for one, keeps in zip(found, sure, strict=True) if keeps)
    reporter.end(f"{len(kept):,} of {len(found):,} keep theirs", reused=False)
    return Augmented(kept, repeats, len(found) - len(kept), stopped)


def _versions(
    examples: Sequence[Example], chosen: Collection[Example], way: Way, times: int, reporter: Reporter
) -> tuple[list[Made], int, str | None]:
    known, found, repeats, done = {example.text for example in examples}, list[Made](), 0, 0
    for place, example in enumerate(examples):
        if example not in chosen:
            continue
        try:
            versions = way(example.text, times)
        except EngineError as error:
            if not found:
                raise
            return found, repeats, f"after {done:,} of {len(chosen):,} texts: {error}"
        for text in _sane(versions, len(example.text)):
            repeats += text in known
            if text not in known:
                known.add(text)
                found.append(Made(text, example.labels[0], place))
        done += 1
        reporter.advance(done, len(chosen), f"{len(found):,} made")
    return found, repeats, None


def _sane(texts: Sequence[str], length: int) -> Iterator[str]:
    for text in texts:
        line = " ".join(text.split())
        if 0 < len(line) <= 20 + _LONGEST * length:
            yield line


def _keep_their_label(examples: Sequence[Example], made: Sequence[Made], *, seed: int) -> NDArray[np.bool_]:
    """Return which of the texts keep their label, each judged by a model that has not seen its source."""
    kept: NDArray[np.bool_] = np.ones(len(made), bool)
    names = sorted({example.labels[0] for example in examples})
    truth = np.array([names.index(example.labels[0]) for example in examples])
    folds = min(_FOLDS, int(np.bincount(truth).min()))
    if not made:
        return kept
    sources = np.array([one.source for one in made])
    texts = [example.text for example in examples]
    for learned, held in StratifiedKFold(folds, shuffle=True, random_state=seed).split(texts, truth):
        places = np.flatnonzero(np.isin(sources, held))
        parts = [[texts[row] for row in learned], [made[place].text for place in places.tolist()],
                 [texts[row] for row in sources[places].tolist()]]  # fmt: skip
        if not len(places):
            continue
        features = ngram_features(parts)
        head = fit_head(features[0], truth[learned])
        of_made, of_source = (head.predict_proba(part) for part in features[1:])
        labels, rows = truth[sources[places]], np.arange(len(places))
        kept[places] = (of_made.argmax(axis=1) == labels) | (of_made[rows, labels] >= of_source[rows, labels])
    return kept
