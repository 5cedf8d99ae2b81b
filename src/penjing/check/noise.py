"""Labels that are likely wrong: what a model that has not seen a text says of it, and is sure of.

Each text is judged by n-grams that learned the others, in five folds. It is suspect where another label is more
probable, and as probable as that label is on average for texts that have it. Source: Northcutt et al. 2021, "Confident
Learning: Estimating Uncertainty in Dataset Labels".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from penjing.check.finding import Finding, Parts, shown
from penjing.engines.ngrams import NgramEncoder

_FOLDS = 5
_STRENGTH = 10.0  # inverse regularisation
_MOST_ITERATIONS = 300
_FEWEST_TEXTS, _MOST_TEXTS = 50, 50_000


def find_noise(parts: Parts, *, seed: int = 13) -> Iterator[Finding]:
    """Yield the texts whose label is likely another one; nothing where there are too few to tell."""
    places = [
        (part, row)
        for part, examples in parts.items()
        for row, one in enumerate(examples)
        if one.text and len(one.labels) == 1
    ][:_MOST_TEXTS]
    given = [parts[part][row].labels[0] for part, row in places]
    counts = Counter(given)
    usual = {label for label, count in counts.items() if count >= _FOLDS}
    places = [place for place, label in zip(places, given, strict=True) if label in usual]
    if len(usual) < 2 or len(places) < _FEWEST_TEXTS:
        return
    names = sorted(usual)
    truth = np.array([names.index(parts[part][row].labels[0]) for part, row in places])
    found = suspects(probabilities([parts[part][row].text for part, row in places], truth, seed=seed), truth)
    if not found:
        return
    wrong = [places[row] for row, _ in found]
    likely = {places[row]: names[label] for row, label in found}
    marks = {place: f"{parts[place[0]][place[1]].labels[0]}, likely {likely[place]}" for place in wrong}
    yield Finding(name="suspect labels", severity="warning",
                  says=f"{len(wrong):,} labels of {len(places):,} ({len(wrong) / len(places):.1%}) are likely others, "
                  "the most certain first",
                  fix="look at them: they are kept, and --json has what they are likely to be", places=tuple(wrong),
                  examples=shown(parts, wrong, mark=marks),
                  suggestions={f"{part}:{row}": likely[part, row] for part, row in wrong})  # fmt: skip


def probabilities(texts: list[str], truth: NDArray[Any], *, seed: int) -> NDArray[np.float64]:
    """Return the probability of each label (texts, labels), each text judged by a model that learned others."""
    encoder = NgramEncoder()
    batch = encoder.encode(texts)
    counts = csr_matrix((batch["values"], batch["indices"], batch["indptr"]), (len(texts), encoder.buckets))
    features = TfidfTransformer(norm=None).fit_transform(counts[:, np.unique(counts.indices)])
    model = LogisticRegression(C=_STRENGTH, max_iter=_MOST_ITERATIONS)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    found: NDArray[np.float64] = cross_val_predict(model, features, truth, cv=folds, method="predict_proba")
    return found


def suspects(probability: NDArray[np.float64], truth: NDArray[Any]) -> list[tuple[int, int]]:
    """Return the texts whose label is likely wrong, with the likely one, the most certain first.

    >>> suspects(np.array([[0.9, 0.1], [0.8, 0.2], [0.95, 0.05], [0.1, 0.9]]), np.array([0, 0, 1, 1]))
    [(2, 0)]
    """
    labels = probability.shape[1]
    usual = np.array([probability[truth == label, label].mean() for label in range(labels)])
    sure = np.where(probability >= usual, probability, -1.0)
    likely = sure.argmax(axis=1)
    rows = np.arange(len(truth))
    wrong = (sure[rows, likely] > 0) & (likely != truth) & (probability[rows, truth] < probability[rows, likely])
    margin = probability[rows, likely] - probability[rows, truth]
    order = [int(row) for row in np.argsort(-margin, kind="stable") if wrong[row]]
    return [(row, int(likely[row])) for row in order]
