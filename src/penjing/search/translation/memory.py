"""The baseline: a translation memory, which answers with the translation of the nearest text it knows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from penjing.measure.translation import CorpusScored, score_translations
from penjing.search.translation.context import TranslationContext
from penjing.search.translation.evaluate import plain

_BATCH = 500
MEMORY = "translation memory"


def nearest_translations(known: Sequence[tuple[str, str]], texts: Sequence[str]) -> list[str]:
    """Return the translation of the known text that is most like each, by the tf-idf of character n-grams.

    >>> nearest_translations([("Save file", "保存文件"), ("Quit", "退出")], ["Save the file"])
    ['保存文件']
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, dtype=np.float32)
    table = vectorizer.fit_transform([source for source, _ in known]).T.tocsr()
    asked = vectorizer.transform(texts)
    found: list[str] = []
    for start in range(0, len(texts), _BATCH):
        likeness = asked[start : start + _BATCH] @ table
        found += [known[int(place)][1] for place in np.asarray(likeness.argmax(axis=1)).ravel()]
    return found


def memory_scored(context: TranslationContext, *, split: str) -> CorpusScored:
    """Return what a memory of the training pairs scores on a split."""
    known = [(pair.source, pair.target) for pair in context.splits.train]
    context.reporter.begin(f"{split} {MEMORY}")
    answers = [plain(text) for text in nearest_translations(known, context.sources(split))]
    expected = [plain(text) for text in context.targets(split)]
    metric = context.task.bar.metric
    found = score_translations(metric, answers, expected, target=context.languages[1])
    context.reporter.end(f"{metric} {found.value:.4f}", reused=False)
    return found
