"""Fine-tuning the teacher: this project's loop beside the transformers Trainer.

    make bench-finetune          # SST-2 from $PENJING_BENCH_DATA

Same checkpoint, rows, batch, length limit, learning rate, schedule and passes, padding to the longest text of a batch.
What differs is what each does by itself: this project trims the vocabulary first (its time counts), sorts texts by
length within a window, and uses bfloat16 only where the processor has it. Seconds are of the training steps, without
evaluations. A system that takes `PATIENCE` times as long as this project is stopped, and its row says so.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmarks.compare import THREADS, result_of
from benchmarks.datasets import sst2
from benchmarks.table import write_result_file
from penjing.progress import Silent
from penjing.search.context import Context, open_run
from penjing.search.models import dev_score, supervised
from penjing.shrink.structure import keep_pieces
from penjing.train.cached_folder import default_cache
from penjing.train.checkpoint import load_pretrained
from penjing.train.encoder import Encoder
from penjing.train.loop import train
from penjing.train.pace import TrainPlan
from penjing.train.state import StateFile

EPOCHS, RATE, BATCH = 1, 1e-4, 32
EVALUATE_EVERY = 72  # steps: three times a pass, as this project does
PATIENCE = 3.0


@dataclass
class Clock:
    """Seconds of training, and the dev accuracy after so many of them."""

    total_s: float = 0.0
    began: float | None = None
    scores: list[tuple[float, float]] = field(default_factory=list)

    def start(self) -> None:
        """Go on, where it stands still."""
        self.began = self.began or time.monotonic()

    def stop(self) -> None:
        """Stand still."""
        if self.began is not None:
            self.total_s += time.monotonic() - self.began
            self.began = None

    def now(self) -> float:
        """Return the seconds so far."""
        return self.total_s + (0.0 if self.began is None else time.monotonic() - self.began)

    def note(self, score: float) -> None:
        """Write down an evaluation."""
        self.scores.append((self.total_s, score))

    def reached(self, target: float) -> float | None:
        """Return after how many seconds dev accuracy was `target` or more."""
        return next((seconds for seconds, score in self.scores if score >= target), None)


def main() -> int:
    """Train with each and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".bench/finetune"))
    work = parser.parse_args().work
    torch.set_num_threads(THREADS)
    started = time.monotonic()
    shutil.rmtree(work, ignore_errors=True)
    context = open_run(sst2(work / "data"), output=work, cache=default_cache(), reporter=Silent())
    ours = Clock(total_s=time.monotonic() - started)  # reading and the smaller vocabulary count
    _penjing(context, work, ours)
    longest_s = PATIENCE * ours.total_s
    plain = _trainer(context, work, bf16=False, sampling="random", longest_s=longest_s)
    grouped = _trainer(context, work, bf16=False, sampling="group_by_length", longest_s=longest_s)
    both = _trainer(context, work, bf16=True, sampling="group_by_length", longest_s=longest_s)
    found = {
        "penjing": ours,
        "trainer": plain,
        "trainer, grouped by length": grouped,
        "trainer, bf16 and grouped by length": both,
    }
    rows = [_row(system, clock, target=max(score for _, score in plain.scores)) for system, clock in found.items()]
    write_result_file("finetune", result_of("make bench-finetune", rows))
    for row in rows:
        print(f"{row['system']:38} {row['train_s']:7.1f} s {row['note']}  dev {row['scores']}")
    return 0


def _row(system: str, clock: Clock, *, target: float) -> dict[str, Any]:
    reached = clock.reached(target)
    note = f"never reached {target:.4f} on dev" if reached is None else f"{target:.4f} on dev after {reached:.1f} s"
    return {
        "system": system,
        "dataset": "sst2",
        "train_s": clock.total_s,
        "reached_s": reached,
        "target": target,
        "scores": clock.scores,
        "note": note,
        "threads": THREADS,
    }


def _penjing(context: Context, work: Path, clock: Clock) -> None:
    clock.start()
    full = load_pretrained(context.model.folder, labels=len(context.splits.labels), seed=context.seed)
    model = keep_pieces(full, context.vocabulary.kept.tolist())

    def evaluate(present: Encoder) -> float:
        clock.stop()
        clock.note(dev_score(context, present))
        clock.start()
        return clock.scores[-1][1]

    train(
        model,
        tokens=context.tokens["train"],
        loss=supervised(context, context.truth["train"]),
        evaluate=evaluate,
        plan=TrainPlan(epochs=EPOCHS, learning_rate=RATE, batch_size=BATCH, seed=context.seed),
        device=context.device,
        state_file=StateFile(work / "state.safetensors"),
        report=lambda progress: None,
    )
    clock.stop()
    (work / "state.safetensors").unlink(missing_ok=True)


def _trainer(context: Context, work: Path, *, bf16: bool, sampling: str, longest_s: float) -> Clock:
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

    clock = Clock()

    class Watch(TrainerCallback):
        """Lets the clock run but for evaluations, and ends training that takes too long."""

        def on_train_begin(self, *_: Any, **__: Any) -> None:
            clock.start()

        def on_step_end(self, _args: Any, _state: Any, control: Any, **__: Any) -> None:
            if clock.now() > longest_s:
                control.should_training_stop = control.should_evaluate = True
            if control.should_evaluate:
                clock.stop()

        def on_evaluate(self, *_: Any, **__: Any) -> None:
            clock.start()

    def metrics(found: Any) -> dict[str, float]:
        clock.note(float((np.argmax(found.predictions, axis=1) == found.label_ids).mean()))
        return {"accuracy": clock.scores[-1][1]}

    arguments = TrainingArguments(
        output_dir=str(work / "trainer"),
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=BATCH,
        per_device_eval_batch_size=64,
        learning_rate=RATE,
        warmup_steps=0.1,
        weight_decay=0.01,
        eval_strategy="steps",
        eval_steps=EVALUATE_EVERY,
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
        callbacks=[Watch()],
    )
    trainer.train()
    clock.stop()
    return clock


if __name__ == "__main__":
    sys.exit(main())
