"""A bundle that translates, behind a batcher: texts in, translations out."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from penjing.bundle.manifest import Manifest
from penjing.bundle.read import read_manifest
from penjing.engines import Item
from penjing.errors import BundleError
from penjing.languages import Language, Pair
from penjing.serve.batcher import Answered, Batcher
from penjing.serve.metrics import Metrics
from penjing.serve.problems import Problem
from penjing.serve.settings import Limits
from penjing.translation.api import make_wish
from penjing.translation.golden import verify_translations
from penjing.translation.model import Translation, Translator
from penjing.translation.references import open_translator

_BATCH_ITEMS = 32
_LETTERS_A_TOKEN = 2  # about: what a text costs in a batch is guessed before it is cut into pieces


class TranslationService:
    """Serves one bundle; made by `open_translation_service`."""

    kind: Literal["translate"] = "translate"

    def __init__(self, name: str, manifest: Manifest, model: Translator, *, limits: Limits, metrics: Metrics) -> None:
        self.name, self.manifest, self._model, self._limits, self._metrics = name, manifest, model, limits, metrics
        self.pair: Pair = model.pairs[0]
        self._batcher: Batcher[Translation] = Batcher(
            self._run,
            interrupt=model.interrupt,
            batch_items=_BATCH_ITEMS,
            batch_tokens=limits.batch_tokens,
            waiting_items=limits.waiting_items,
            waiting_tokens=limits.waiting_tokens,
            wedged_s=limits.deadline_s,
            observe=partial(_observe, metrics, name),
        )

    @property
    def healthy(self) -> bool:
        """Whether the engine works."""
        return self._batcher.healthy

    @property
    def idle(self) -> bool:
        """Whether nobody waits for it."""
        return self._batcher.idle

    @property
    def waiting(self) -> int:
        """Items that wait."""
        return self._batcher.waiting[0]

    async def translate(self, texts: Sequence[str], *, n_best: int) -> list[Answered[Translation] | Problem]:
        """Return a translation, or what went wrong, for each text.

        Raises:
            Problem: the queue is full, or the engine is down.
        """
        items = [_item(text, n_best) for text in texts]
        found = await self._batcher.answer(items, deadline_s=self._limits.deadline_s)
        for answer in found:
            if isinstance(answer, Answered):
                self._metrics.queue_seconds.labels(self.name).observe(answer.queue_s)
        self._metrics.prompt_tokens.labels(self.name).inc(sum(item.length for item in items))
        return found

    def check_pair(self, source: Language | None, target: Language | None) -> Pair:
        """Return the languages to translate between; TaskError where they are not the bundle's."""
        return self._model.pair(source, target)

    def tokens(self, text: str) -> int:
        """Return how many pieces a text has."""
        return self._model.length(text)

    def kill(self) -> None:
        """Do nothing: it has no process of its own."""

    def close(self) -> None:
        """Fail what waits, and end."""
        self._batcher.close()
        self._batcher.join(self._limits.deadline_s)
        self._model.close()

    def _run(self, items: Sequence[Item]) -> list[Translation]:
        """Translate a batch; what wants several translations of each goes by itself."""
        places: dict[int, list[int]] = defaultdict(list)
        for place, item in enumerate(items):
            places[item.values[1]].append(place)
        found: dict[int, Translation] = {}
        for n_best, chosen in places.items():
            wish = make_wish(self._model, None, None, n_best=n_best)
            texts = [items[place].values[0] for place in chosen]
            found |= zip(chosen, self._model.translate(texts, wish), strict=True)
        return [found[place] for place in range(len(items))]


def open_translation_service(
    name: str, folder: Path, *, threads: int, limits: Limits, metrics: Metrics
) -> TranslationService:
    """Return the bundle in `folder`, checked and warm.

    Raises:
        BundleError: the bundle is damaged, or translates here otherwise than where it was made.
    """
    began = time.monotonic()
    if not verify_translations(folder, threads=threads).ok:
        raise BundleError(
            "the bundle answers otherwise than where it was made",
            value=str(folder),
            next_step=f"Run: penjing verify {folder}",
        )
    model = open_translator(os.fspath(folder), threads=threads)
    found = TranslationService(name, read_manifest(folder), model, limits=limits, metrics=metrics)
    metrics.load_seconds.labels(name).set(time.monotonic() - began)
    return found


def _item(text: str, n_best: int) -> Item:
    tokens = max(1, len(text) * n_best // _LETTERS_A_TOKEN)
    return Item((text, n_best), tokens, tokens)


def _observe(metrics: Metrics, name: str, items: int, tokens: int) -> None:
    metrics.batch_items.labels(name).observe(items)
    metrics.batch_tokens.labels(name).observe(tokens)
