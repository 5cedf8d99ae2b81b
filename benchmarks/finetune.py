"""Fine-tuning the teacher: this project's loop beside the transformers Trainer.

    make bench-finetune          # SST-2 from $PENJING_BENCH_DATA (default: ../shared/data)

Same checkpoint, rows, batch, length limit, learning rate, schedule and passes, padding to the longest text of a batch.
What differs is what each does by itself: this project trims the vocabulary first (its time counts), sorts texts by
length within a window, and uses bfloat16 only where the processor has it. Time is of the training steps, without
evaluations.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.compare import THREADS, result_of
from benchmarks.datasets import sst2
from benchmarks.table import write_result_file
from penjing.search.context import Context, open_run
from penjing.search.models import dev_score, supervised
from penjing.search.progress import Silent
from penjing.shrink.structure import keep_pieces
from penjing.train.cached_folder import default_cache
from penjing.train.checkpoint import load_pretrained
from penjing.train.loop import train
from penjing.train.pace import TrainPlan
from penjing.train.state import StateFile

EPOCHS, RATE, BATCH = 3, 1e-4, 32


def main() -> int:
    """Train with each and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".bench/finetune"))
    work = parser.parse_args().work
    torch.set_num_threads(THREADS)
    started = time.monotonic()
    shutil.rmtree(work, ignore_errors=True)
    context = open_run(sst2(work / "data"), output=work, cache=default_cache(), reporter=Silent())
    vocabulary_s = time.monotonic() - started
    rows = [
        _row("trainer", *_trainer(context, work, bf16=False, sampling="random")),
        _row("penjing", *_penjing(context, work, before_s=vocabulary_s)),
        _row("trainer, bf16 and grouped by length", *_trainer(context, work, bf16=True, sampling="group_by_length")),
    ]
    write_result_file("finetune", result_of("make bench-finetune", rows))
    for row in rows:
        print(f"{row['system']:38} {row['train_s']:7.1f} s  dev {row['scores']}")
    return 0


def _row(system: str, train_s: float, scores: list[float]) -> dict[str, Any]:
    return {"system": system, "dataset": "sst2", "train_s": train_s, "scores": scores, "threads": THREADS}


def _penjing(context: Context, work: Path, *, before_s: float) -> tuple[float, list[float]]:
    full = load_pretrained(context.model.folder, labels=len(context.splits.labels), seed=context.seed)
    scores: list[float] = []

    def evaluate(model: Any) -> float:
        scores.append(dev_score(context, model))
        return scores[-1]

    state = StateFile(work / "state.safetensors")
    result = train(
        keep_pieces(full, context.vocabulary.kept.tolist()),
        tokens=context.tokens["train"],
        loss=supervised(context, context.truth["train"]),
        evaluate=evaluate,
        plan=TrainPlan(epochs=EPOCHS, learning_rate=RATE, batch_size=BATCH, seed=context.seed),
        device=context.device,
        state_file=state,
        report=lambda progress: None,
    )
    (work / "state.safetensors").unlink(missing_ok=True)
    return before_s + result.train_s, scores


def _trainer(context: Context, work: Path, *, bf16: bool, sampling: str) -> tuple[float, list[float]]:
    import numpy as np
    from transformers import (
        AutoTokenizer,
        BertForSequenceClassification,
        DataCollatorWithPadding,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    tokenizer = AutoTokenizer.from_pretrained(context.model.folder)
    limit = context.vocabulary.max_length

    def rows(split: str) -> list[dict[str, Any]]:
        encoded = tokenizer(context.texts(split), truncation=True, max_length=limit)["input_ids"]
        return [
            {"input_ids": ids, "labels": int(label)} for ids, label in zip(encoded, context.truth[split], strict=True)
        ]

    class Clock(TrainerCallback):
        """Times what is between the beginning and the end of each pass."""

        def __init__(self) -> None:
            self.total_s = self.began = 0.0

        def on_epoch_begin(self, *_: Any, **__: Any) -> None:
            self.began = time.monotonic()

        def on_epoch_end(self, *_: Any, **__: Any) -> None:
            self.total_s += time.monotonic() - self.began

    clock, scores = Clock(), list[float]()

    def metrics(found: Any) -> dict[str, float]:
        scores.append(float((np.argmax(found.predictions, axis=1) == found.label_ids).mean()))
        return {"accuracy": scores[-1]}

    arguments = TrainingArguments(
        output_dir=str(work / "trainer"),
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=64,
        learning_rate=RATE,
        warmup_steps=0.1,
        weight_decay=0.01,
        eval_strategy="epoch",
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        bf16=bf16,
        train_sampling_strategy=sampling,
        seed=context.seed,
        disable_tqdm=True,
    )
    model = BertForSequenceClassification.from_pretrained(context.model.folder, num_labels=len(context.splits.labels))
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=rows("train"),
        eval_dataset=rows("dev"),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=metrics,
        callbacks=[clock],
    )
    trainer.train()
    return clock.total_s, scores


if __name__ == "__main__":
    sys.exit(main())
