"""What is installed, judged on the task's own data without fine-tuning: n-grams, and heads on frozen encoders.

Source: Alain and Bengio 2017, "Understanding intermediate layers using linear classifier probes"; Tunstall et al. 2022,
"SetFit", for few examples.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer

from penjing.catalog.packages import model_packages
from penjing.data import Splits
from penjing.data.dataset import Example
from penjing.engines.ngrams import NgramEncoder
from penjing.errors import DataError
from penjing.measure.intervals import quality
from penjing.progress import Reporter
from penjing.records import Quality, Record
from penjing.select.auto import installed_models
from penjing.select.learning_curve import LearningCurve, learning_curve
from penjing.select.logme import logme
from penjing.train.batches import tokenize
from penjing.train.checkpoint import load_pretrained
from penjing.train.device import best_device
from penjing.train.families import family_of
from penjing.train.model_folder import read_config
from penjing.train.predict import answers_of
from penjing.train.references import resolve_model

_MOST_LEARNED, _MOST_JUDGED = 2000, 2000
NGRAMS = "n-grams"
_SHARES = (0.125, 0.25, 0.5, 1.0)
_STRENGTH = 10.0  # inverse regularisation
_MOST_ITERATIONS = 500
_MOST_PIECES = 128

Features = Any
"""A matrix (texts, features), sparse or not."""


class Probe(Record):
    """How one way did on the task's data."""

    name: str
    model: str | None
    """What a task's `model` says; None for n-grams."""
    quality: Quality
    """Accuracy on dev."""
    curve: LearningCurve
    logme: float | None
    """Log evidence a text, of an encoder's features; None for n-grams, which are too many."""
    seconds: float


def probe_all(splits: Splits, *, models: Sequence[str], cache: Path, reporter: Reporter, seed: int = 13) -> list[Probe]:
    """Return what n-grams and every one of `models` reach, the best first.

    At most 2,000 training texts are learned, and 2,000 of dev judged; test is not touched.

    Raises:
        DataError: texts have several labels, or there is too little to learn from.
        ModelError: a model cannot be read.
    """
    if splits.multi_label:
        raise DataError("texts with several labels cannot be tried yet", rule="one label a text")
    learned, judged = some_examples(splits.train, _MOST_LEARNED, seed), some_examples(splits.dev, _MOST_JUDGED, seed)
    texts = [[example.text for example in part] for part in (learned, judged)]
    truths = [np.array([splits.labels.index(example.labels[0]) for example in part]) for part in (learned, judged)]
    found = []
    for name, model, features in _ways(texts, models, cache, reporter):
        started = time.monotonic()
        found.append(_probe(name, model, features(), truths, started=started, seed=seed))
        reporter.end(f"{found[-1].quality.value:.4f} on {len(judged):,} texts", reused=False)
    return sorted(found, key=lambda probe: -probe.quality.value)


def installed() -> list[str]:
    """Return the references of the packages with a pretrained encoder that are installed."""
    encoders = {f"package:{name}" for name, one in model_packages().items() if one.layout != "whisper"}
    return [name for name in installed_models() if name in encoders]


def _ways(
    texts: Sequence[Sequence[str]], models: Sequence[str], cache: Path, reporter: Reporter
) -> Iterator[tuple[str, str | None, Callable[[], list[Features]]]]:
    """Yield the name of each way, its model, and what computes the features of the texts to learn and to judge."""
    reporter.begin(NGRAMS)
    yield NGRAMS, None, partial(ngram_features, texts)
    for reference in models:
        reporter.begin(reference)
        yield (
            f"{reference}, frozen",
            reference,
            partial(encoder_features, reference, texts, cache=cache, reporter=reporter),
        )


def ngram_features(texts: Sequence[Sequence[str]]) -> list[Features]:
    """Return weighted n-grams of the parts, those that the first one has."""
    encoder = NgramEncoder()
    counts = []
    for part in texts:
        batch = encoder.encode(part)
        counts.append(csr_matrix((batch["values"], batch["indices"], batch["indptr"]), (len(part), encoder.buckets)))
    seen = np.unique(counts[0].indices)
    weights = TfidfTransformer(norm=None).fit(counts[0][:, seen])
    return [weights.transform(part[:, seen]) for part in counts]


def encoder_features(
    reference: str, texts: Sequence[Sequence[str]], *, cache: Path, reporter: Reporter
) -> list[Features]:
    """Return what a frozen encoder says of the parts (texts, hidden), of mean length 1 in the first one.

    Raises:
        ModelError: the model cannot be read.
    """
    model = resolve_model(reference, cache=cache)
    config = read_config(model.folder)
    family = family_of(config)
    encoder = load_pretrained(model.folder, labels=2, seed=0)
    tokenizer = Tokenizer.from_file(str(model.folder / "tokenizer.json"))
    longest = min(_MOST_PIECES, family.positions(config))
    states = []
    for part, what in zip(texts, ("training texts", "dev texts"), strict=True):
        tokens = tokenize(tokenizer, part, max_length=longest, pad_id=family.pad_id(config))
        progress = partial(reporter.advance, detail=what)
        states.append(answers_of(encoder, tokens, device=best_device(), progress=progress).pooled.float().numpy())
    length = float(np.linalg.norm(states[0], axis=1).mean())
    return [part / length for part in states]


def _probe(
    name: str, model: str | None, features: list[Features], truths: list[NDArray[Any]], *, started: float, seed: int
) -> Probe:
    order = np.random.default_rng(seed).permutation(len(truths[0]))
    sizes, rights, answers = [], [], truths[1]
    for share in _SHARES:
        rows = np.sort(order[: round(share * len(order))])
        if len(np.unique(truths[0][rows])) < 2:
            continue
        head = fit_head(features[0][rows], truths[0][rows])
        answers = head.predict(features[1])
        sizes.append(len(rows))
        rights.append(answers == truths[1])
    if len(sizes) < 2:
        raise DataError("too few examples to try", value=f"{len(truths[0])} to learn from", rule="16 or so, two labels")
    return Probe(
        name=name,
        model=model,
        quality=quality("accuracy", truths[1], answers, split="dev", seed=seed),
        curve=learning_curve(sizes, rights, more=sizes[-1], seed=seed),
        logme=None if model is None else logme(features[0], truths[0]),
        seconds=time.monotonic() - started,
    )


def fit_head(features: Features, truth: NDArray[Any]) -> LogisticRegression:
    """Return the logistic regression that tells labels by features (texts, features)."""
    return LogisticRegression(C=_STRENGTH, max_iter=_MOST_ITERATIONS).fit(features, truth)


def some_examples(examples: Sequence[Example], most: int, seed: int) -> list[Example]:
    """Return at most so many examples, drawn by chance."""
    rows = np.random.default_rng(seed).permutation(len(examples))[:most]
    return [examples[row] for row in np.sort(rows)]
