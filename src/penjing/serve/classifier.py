"""A bundle that classifies, behind a batcher: texts in, predictions out, none cut in silence."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from prometheus_client import Histogram

from penjing.bundle.golden import read_golden
from penjing.bundle.manifest import Manifest
from penjing.bundle.read import Bundle, Prediction, load
from penjing.bundle.verify import verify
from penjing.engines import Item
from penjing.engines.tokens import TokenEncoder
from penjing.errors import BundleError
from penjing.serve.batcher import Answered, Batcher
from penjing.serve.metrics import Metrics
from penjing.serve.problems import Problem, too_long
from penjing.serve.settings import Limits

_SIZES, _ROUNDS, _AS_GOOD = (1, 2, 4, 8, 16, 32), 3, 0.97
_FEWEST, _FAST_S = 8, 2e-3
_MOST_PADDED = 1.25
"""Times the pieces of its texts: more padding costs more than a batch saves (docs/log.md)."""
_SHORT = 2_000  # characters, which are encoded in less than a thread costs


@dataclass(frozen=True, slots=True)
class Labelled:
    """One text's answer."""

    prediction: Prediction
    tokens: int
    cut: bool


class Classifier:
    """Serves one bundle; made by `open_classifier`."""

    kind: Literal["classify", "image", "audio", "fused"] = "classify"

    def __init__(self, name: str, bundle: Bundle, *, batch_items: int, limits: Limits, metrics: Metrics) -> None:
        self.name, self.batch_items, self._bundle, self._limits = name, batch_items, bundle, limits
        self._batcher: Batcher[Prediction] = Batcher(
            bundle.answer,
            interrupt=bundle.interrupt,
            batch_items=batch_items,
            batch_tokens=limits.batch_tokens,
            waiting_items=limits.waiting_items,
            waiting_tokens=limits.waiting_tokens,
            wedged_s=limits.deadline_s,
            most_padded=_MOST_PADDED if isinstance(bundle.encoder, TokenEncoder) else math.inf,
            observe=partial(_observe, metrics.batch_items.labels(name), metrics.batch_tokens.labels(name)),
        )
        self._waited, self._read = metrics.queue_seconds.labels(name), metrics.prompt_tokens.labels(name)

    @property
    def manifest(self) -> Manifest:
        """The bundle's."""
        return self._bundle.manifest

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

    async def classify(self, texts: Sequence[str], *, truncate: bool) -> list[Answered[Labelled] | Problem]:
        """Return an answer, or what went wrong, for each text.

        Raises:
            Problem: the queue is full, or the engine is down.
        """
        return await self.answer(
            [
                too_long(given=item.whole, most=item.length, param="input") if _cut(item) and not truncate else item
                for item in await self._prepared(texts)
            ]
        )

    async def answer(self, prepared: Sequence[Item | Problem]) -> list[Answered[Labelled] | Problem]:
        """Return an answer for each item, and each problem as it is.

        Raises:
            Problem: the queue is full, or the engine is down.
        """
        items = [one for one in prepared if isinstance(one, Item)]
        answers = await self._batcher.answer(items, deadline_s=self._limits.deadline_s)
        for answer in answers:
            if isinstance(answer, Answered):
                self._waited.observe(answer.queue_s)
        self._read.inc(sum(item.length for item in items))
        labelled = (
            answer if isinstance(answer, Problem) else _labelled(answer, item)
            for item, answer in zip(items, answers, strict=True)
        )
        return [one if isinstance(one, Problem) else next(labelled) for one in prepared]

    async def _prepared(self, texts: Sequence[str]) -> list[Item]:
        """Return the texts encoded; long ones in a thread, so that nobody else waits for them."""
        if sum(map(len, texts)) > _SHORT:
            return await asyncio.to_thread(self._bundle.prepare, texts)
        return self._bundle.prepare(texts)

    def tokens(self, text: str) -> int:
        """Return how many tokens a text has, uncut."""
        return self._bundle.prepare([text])[0].whole

    def kill(self) -> None:
        """Do nothing: it has no process of its own."""

    def close(self) -> None:
        """Fail what waits, and end."""
        self._batcher.close()
        self._batcher.join(self._limits.deadline_s)


Service = TypeVar("Service", bound=Classifier)


def open_classifier(
    name: str,
    folder: Path,
    *,
    threads: int,
    limits: Limits,
    metrics: Metrics,
    service: type[Service] = Classifier,  # type: ignore[assignment]  # the default is the type's bound
) -> Service:
    """Return the classifier in `folder`, checked and warm; its best batch size was measured.

    Raises:
        BundleError: the bundle is damaged, or answers here otherwise than where it was made.
    """
    began = time.monotonic()
    if not verify(folder, threads=threads).ok:
        raise BundleError(
            "the bundle answers otherwise than where it was made",
            value=str(folder),
            next_step=f"Run: penjing verify {folder}",
        )
    bundle = load(folder, threads=threads)
    inputs = [row.source for row in read_golden(folder)]
    found = service(name, bundle, batch_items=best_batch(bundle, inputs), limits=limits, metrics=metrics)
    metrics.load_seconds.labels(name).set(time.monotonic() - began)
    return found


def best_batch(bundle: Bundle, inputs: Sequence[Any]) -> int:
    """Return the batch size at which the bundle answers most inputs a second, measured here; 1 where there are none.

    Of sizes that are about as good it is the smallest: items of a batch wait for each other. They are of one length, as
    those of a batch nearly are (see `Batcher`). Where one takes less than 2 ms, fewer than 8 do not pay for what the
    server itself does with a batch.
    """
    if not inputs:
        return 1
    items = sorted(bundle.prepare(inputs), key=lambda item: item.length)
    middle = items[len(items) // 2]
    bundle.answer([middle])
    rates = {}
    for size in _SIZES:
        spent = []
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            for _ in range(_SIZES[-1] // size):
                bundle.answer([middle] * size)
            spent.append(time.perf_counter() - began)
        rates[size] = 1 / min(spent)
    best = min(size for size, rate in rates.items() if rate >= _AS_GOOD * max(rates.values()))
    return max(best, _FEWEST) if 1 / (rates[1] * _SIZES[-1]) < _FAST_S else best


def _cut(item: Item) -> bool:
    return item.whole > item.length


def _labelled(answer: Answered[Prediction], item: Item) -> Answered[Labelled]:
    value = Labelled(answer.value, item.length, _cut(item))
    return Answered(value, answer.queue_s, answer.compute_s, answer.batch_items)


def _observe(batch_items: Histogram, batch_tokens: Histogram, items: int, tokens: int) -> None:
    batch_items.observe(items)
    batch_tokens.observe(tokens)
