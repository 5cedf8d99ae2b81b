"""What every stage of one run needs: the task, its data, the trimmed vocabulary and the pieces of each split."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from penjing.bundle.golden import choose_texts
from penjing.data import fingerprint, load_splits, read_unlabelled
from penjing.data.dataset import Splits
from penjing.files import write_text
from penjing.progress import Reporter
from penjing.records import Step
from penjing.search.stages import Store
from penjing.shrink.structure import place_of
from penjing.shrink.tokenizer import (
    FEWEST_FREQUENT,
    FREQUENT_SHARE,
    check_identity,
    choose_pieces,
    count_pieces,
    rewrite,
)
from penjing.spec import Task
from penjing.tasks.classify import Truth, encode_labels
from penjing.train.batches import Tokens, length_limit, tokenize
from penjing.train.device import Device, best_device
from penjing.train.families import family_of
from penjing.train.model_folder import read_config
from penjing.train.references import PretrainedModel, resolve_model

DEFAULT_MAX_LENGTH = 128
LATENCY_INPUTS = 200


@dataclass(frozen=True)
class Context:
    """One run of `fit`."""

    task: Task
    store: Store
    reporter: Reporter
    device: Device
    splits: Splits
    data_key: str
    model: PretrainedModel
    vocabulary: Vocabulary
    tokens: Mapping[str, Tokens]
    """Of "train" and "dev", and "unlabelled" where there are such texts, by the trimmed tokenizer."""
    truth: Mapping[str, Truth]
    """Of "train", "dev" and "test"."""

    @property
    def base_key(self) -> dict[str, Any]:
        """What every model of this run depends on."""
        return {"data": self.data_key, "model": self.model.key, "vocabulary": self.vocabulary.key}

    @property
    def seed(self) -> int:
        """The seed of training."""
        return self.task.recipe.seed

    def texts(self, split: str) -> list[str]:
        """Return the texts of "train", "dev" or "test"."""
        return [example.text for example in getattr(self.splits, split)]

    inputs = names = texts

    def golden(self) -> list[str]:
        """Return the texts whose answers travel with a bundle."""
        return choose_texts(self.texts("dev"))

    def timed(self) -> list[str]:
        """Return the texts that latency is measured with."""
        rows = np.random.default_rng(self.seed).permutation(len(self.splits.dev))[:LATENCY_INPUTS]
        return [self.splits.dev[row].text for row in rows]


@dataclass(frozen=True)
class Vocabulary:
    """The trimmed tokenizer: its file, the old ids that were kept, the length limit, and facts for the report."""

    tokenizer: Path
    kept: NDArray[np.int64]
    max_length: int
    pad_id: int
    facts: Mapping[str, Any]
    key: str

    @property
    def step(self) -> Step:
        """The recipe step."""
        return Step(name="vocabulary", values={"pieces": len(self.kept), "of": self.facts["pieces_before"]})


def open_run(task: Task, *, output: Path, cache: Path, reporter: Reporter) -> Context:
    """Read the data, resolve the model and trim its vocabulary to the training texts."""
    store = Store(output / "stages")
    reporter.begin("data")
    splits = load_splits(task.data)
    data_key = fingerprint(splits)
    texts = {name: [example.text for example in getattr(splits, name)] for name in ("train", "dev")}
    if task.data.unlabelled is not None:
        texts["unlabelled"] = list(read_unlabelled(Path(task.data.unlabelled), column=task.data.text, splits=splits))
    sizes = {name: len(found) for name, found in texts.items()} | {"test": len(splits.test)}
    counts = ", ".join(f"{count:,} {name}" for name, count in sizes.items())
    reporter.end(f"{counts}; {len(splits.labels)} labels", reused=False)
    reporter.begin("model")
    model = resolve_model(task.model, cache=cache)
    reporter.end(f"{model.origin.name} ({model.origin.licence})", reused=False)
    vocabulary = _vocabulary(task, store, splits, data_key, model, reporter)
    truth = {
        name: encode_labels(getattr(splits, name), splits.labels, multi_label=splits.multi_label)
        for name in ("train", "dev", "test")
    }
    tokenizer = Tokenizer.from_file(str(vocabulary.tokenizer))
    tokens = {
        name: tokenize(tokenizer, found, max_length=vocabulary.max_length, pad_id=vocabulary.pad_id)
        for name, found in texts.items()
    }
    return Context(task, store, reporter, best_device(), splits, data_key, model, vocabulary, tokens, truth)


def _vocabulary(
    task: Task, store: Store, splits: Splits, data_key: str, model: PretrainedModel, reporter: Reporter
) -> Vocabulary:
    reporter.begin("vocabulary")
    wanted, at_most = task.recipe.vocabulary, task.recipe.max_length
    config = read_config(model.folder)
    family = family_of(config)

    def make(folder: Path, _: Path) -> None:
        texts = [example.text for example in splits.train]
        held_out = [example.text for example in splits.dev]
        before = (model.folder / "tokenizer.json").read_text(encoding="utf-8")
        old = Tokenizer.from_str(before)
        old.no_truncation()
        old.no_padding()
        kept = choose_pieces(before, count_pieces(old, texts), texts, size=wanted)
        after = rewrite(before, kept)
        new = Tokenizer.from_str(after)
        check_identity(old, new, kept, texts)
        report = check_identity(old, new, kept, held_out)
        limit = length_limit(new, texts, at_most=min(at_most or DEFAULT_MAX_LENGTH, family.positions(config)))
        facts = {
            "pieces_before": old.get_vocab_size(),
            "pieces_after": len(kept),
            "dev_texts": report.texts,
            "dev_changed": list(report.changed_indices),
            "unk_rate_before": report.unk_rate_before,
            "unk_rate_after": report.unk_rate_after,
            "mean_pieces_before": report.mean_pieces_before,
            "mean_pieces_after": report.mean_pieces_after,
            "max_length": limit,
        }
        write_text(folder / "tokenizer.json", after)
        write_text(folder / "facts.json", json.dumps(facts))
        np.save(folder / "kept.npy", np.asarray(kept, np.int64))

    inputs = {
        "data": data_key,
        "model": model.key,
        "size": wanted,
        "max_length": at_most,
        "frequent": [FREQUENT_SHARE, FEWEST_FREQUENT],
    }
    stage = store.stage("vocabulary", inputs, make)
    facts = json.loads((stage.folder / "facts.json").read_text(encoding="utf-8"))
    kept = np.load(stage.folder / "kept.npy")
    pad_id = place_of(family.pad_id(config), kept.tolist())
    reporter.end(f"{facts['pieces_before']:,} -> {facts['pieces_after']:,} pieces", reused=stage.reused)
    return Vocabulary(stage.folder / "tokenizer.json", kept, facts["max_length"], pad_id, facts, stage.key)
