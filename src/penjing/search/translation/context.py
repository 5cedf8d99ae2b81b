"""What every stage of one run needs: the task, its pairs, and the pieces of a model that starts from nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from penjing.data.pairs import Pair, PairSplits, load_pairs, pairs_fingerprint
from penjing.languages import Language, language
from penjing.records import Step
from penjing.search.progress import Reporter
from penjing.search.stages import Store
from penjing.spec import Task
from penjing.train.device import Device, best_device
from penjing.train.pieces import BEGIN, END, PAD, read_pieces, train_pieces
from penjing.train.seq2seq import PairRows, pair_rows

TOKENIZER_NAME = "tokenizer.json"
_PIECES = 8000


@dataclass(frozen=True)
class TranslationContext:
    """One run of `fit` for a model that translates."""

    task: Task
    store: Store
    reporter: Reporter
    device: Device
    languages: tuple[Language, Language]
    splits: PairSplits
    data_key: str
    tokenizer_path: Path
    pieces_key: str

    @property
    def base_key(self) -> dict[str, Any]:
        """What every model of this run depends on."""
        return {"data": self.data_key, "pieces": self.pieces_key}

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The pieces of both languages."""
        return read_pieces(self.tokenizer_path)

    @property
    def pieces(self) -> list[str]:
        """All pieces, in the order of their numbers."""
        return [str(self.tokenizer.id_to_token(number)) for number in range(self.tokenizer.get_vocab_size())]

    @property
    def special(self) -> dict[str, int]:
        """The pieces that begin, end and pad."""
        names = {"begin": BEGIN, "end": END, "pad": PAD}
        return {key: int(self.tokenizer.token_to_id(name) or 0) for key, name in names.items()}

    @property
    def vocabulary_step(self) -> Step:
        """The recipe step."""
        return Step(name="vocabulary", values={"pieces": self.tokenizer.get_vocab_size()})

    def rows(self, pairs: Sequence[tuple[str, str]]) -> PairRows:
        """Return pairs as the model reads them."""
        special = self.special
        return pair_rows(self.tokenizer, pairs, end=special["end"], pad=special["pad"])

    def sources(self, split: str) -> list[str]:
        """Return the texts of a split, masked."""
        pairs: tuple[Pair, ...] = getattr(self.splits, split)
        return [pair.source for pair in pairs]

    def targets(self, split: str) -> list[str]:
        """Return the translations of a split, masked."""
        pairs: tuple[Pair, ...] = getattr(self.splits, split)
        return [pair.target for pair in pairs]


def open_translation_run(task: Task, *, output: Path, reporter: Reporter) -> TranslationContext:
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
    context = TranslationContext(
        task=task,
        store=store,
        reporter=reporter,
        device=best_device(),
        languages=languages,
        splits=splits,
        data_key=data_key,
        tokenizer_path=stage.folder / TOKENIZER_NAME,
        pieces_key=stage.key,
    )
    reporter.end(f"{context.tokenizer.get_vocab_size():,} pieces", reused=stage.reused)
    return context
