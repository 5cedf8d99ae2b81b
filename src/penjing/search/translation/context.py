"""What every stage of one run needs: the task, its pairs, and the pieces of a model that starts from nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penjing.data.pairs import Pair, PairSplits, load_pairs, pairs_fingerprint
from penjing.languages import Language, language
from penjing.masking import SENTINEL
from penjing.progress import Reporter
from penjing.search.stages import Store
from penjing.spec import Task
from penjing.train.device import Device, best_device
from penjing.train.piece_table import PieceTable
from penjing.train.pieces import own_table, train_pieces

TOKENIZER_NAME = "tokenizer.json"
_PIECES = 8000


@dataclass(frozen=True)
class TranslationContext:
    """One run of `fit` for a model that translates."""

    task: Task
    store: Store
    reporter: Reporter
    device: Device
    cache: Path
    """Where checkpoints of the hub are kept."""
    languages: tuple[Language, Language]
    splits: PairSplits
    data_key: str
    table: PieceTable
    """The pieces of both languages, of a model that starts from nothing."""
    pieces_key: str

    @property
    def base_key(self) -> dict[str, Any]:
        """What every new model of this run depends on."""
        return {"data": self.data_key, "pieces": self.pieces_key}

    def typed(self, split: str) -> list[str]:
        """Return the texts of a split as somebody types them: with placeholders instead of sentinels."""
        return [SENTINEL.sub(r"{\1}", text) for text in self.sources(split)]

    def sources(self, split: str) -> list[str]:
        """Return the texts of a split, masked."""
        pairs: tuple[Pair, ...] = getattr(self.splits, split)
        return [pair.source for pair in pairs]

    def targets(self, split: str) -> list[str]:
        """Return the translations of a split, masked."""
        pairs: tuple[Pair, ...] = getattr(self.splits, split)
        return [pair.target for pair in pairs]


def open_translation_run(task: Task, *, output: Path, cache: Path, reporter: Reporter) -> TranslationContext:
    """Read the pairs and make the pieces.

    Raises:
        DataError: there is too little to learn from.
        TaskError: a language is unknown.
    """
    store = Store(output / "stages")
    assert task.source_lang is not None
    assert task.target_lang is not None
    languages = (language(task.source_lang), language(task.target_lang))
    reporter.begin("data")
    splits = load_pairs(task.data, *languages)
    counts = ", ".join(f"{len(getattr(splits, name)):,} {name}" for name in ("train", "dev", "test"))
    reporter.end(f"{counts} pairs", reused=False)
    data_key = pairs_fingerprint(splits)
    reporter.begin("vocabulary")
    size = task.recipe.vocabulary or _PIECES

    def make(folder: Path, _: Path) -> None:
        texts = (text for pair in splits.train for text in (pair.source, pair.target))
        train_pieces(texts, size=size, threads=task.budget.threads).save(str(folder / TOKENIZER_NAME))

    stage = store.stage("pieces", {"train": data_key, "size": size}, make)
    table = own_table(stage.folder / TOKENIZER_NAME)
    reporter.end(f"{len(table.names):,} pieces", reused=stage.reused)
    return TranslationContext(
        task=task,
        store=store,
        reporter=reporter,
        device=best_device(),
        languages=languages,
        splits=splits,
        data_key=data_key,
        table=table,
        pieces_key=stage.key,
        cache=cache,
    )
