"""What students learn from: training and unlabelled texts, changed copies of them, and what the teacher says."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from penjing.search.context import Context
from penjing.search.models import TEACHER_SHARE, Trained, time_limit
from penjing.train.augment import augment
from penjing.train.batches import Tokens
from penjing.train.distill import TeacherOutput
from penjing.train.pace import ANSWERS_A_STEP
from penjing.train.predict import answers_of

_AUGMENTED_TEXTS = 40_000  # about how many texts students learn from, where the training split is smaller
_LESSONS_SHARE = 0.12  # of the training time, that the teacher may take to answer them
_MOST_COPIES = 8
_FEWEST_TEXTS = 500
_LEAST_STUDENTS_SHARE = 0.2


@dataclass(frozen=True)
class Lessons:
    """The texts, what the teacher said of them, and what they were made from."""

    tokens: Tokens
    said: TeacherOutput
    real: int
    """How many of the texts are as they were given; they come first."""
    key: str


def make_lessons(context: Context, teacher: Trained) -> Lessons:
    """Return the augmented texts and what the teacher says of them."""
    context.reporter.begin("teacher's answers")
    texts = _real_texts(context)
    wanted = _wanted(context, teacher)
    real = min(wanted, len(texts))

    def make(folder: Path, _: Path) -> None:
        rows = np.sort(real_rows(train=len(context.tokens["train"]), texts=len(texts), count=real, seed=context.seed))
        grown = augment(texts.take(rows), copies=wanted // real - 1, seed=context.seed)
        said = answers_of(teacher.load(), grown, device=context.device, progress=context.reporter.advance)
        arrays = {"ids": torch.from_numpy(grown.ids), "starts": torch.from_numpy(grown.starts)}
        save_file({**arrays, "logits": said.logits, "pooled": said.pooled}, folder / "lessons.safetensors")

    inputs = {"teacher": teacher.key, "texts": wanted, "seed": context.seed, **_unlabelled_key(context)}
    stage = context.store.stage("lessons", inputs, make)
    context.reporter.end(f"{wanted:,} texts, {real:,} of them real", reused=stage.reused)
    tensors = load_file(stage.folder / "lessons.safetensors")
    tokens = Tokens(tensors["ids"].numpy(), tensors["starts"].numpy(), context.vocabulary.pad_id)
    return Lessons(tokens, TeacherOutput(tensors["logits"], tensors["pooled"]), real, stage.key)


def real_rows(*, train: int, texts: int, count: int, seed: int) -> NDArray[np.int64]:
    """Return `count` of `texts` rows, drawn at random: the first `train` before any of the others.

    >>> sorted(real_rows(train=2, texts=10, count=3, seed=0).tolist())[:2]
    [0, 1]
    """
    generator = np.random.default_rng(seed)
    order = np.concatenate([generator.permutation(train), train + generator.permutation(texts - train)])
    return order[:count]


def _real_texts(context: Context) -> Tokens:
    """Return the training texts and, after them, those without labels."""
    train, more = context.tokens["train"], context.tokens.get("unlabelled")
    if more is None:
        return train
    starts = np.concatenate([train.starts, more.starts[1:] + train.starts[-1]])
    return Tokens(np.concatenate([train.ids, more.ids]), starts, train.pad_id)


def _unlabelled_key(context: Context) -> dict[str, str]:
    more = context.tokens.get("unlabelled")
    if more is None:
        return {}
    return {"unlabelled": hashlib.sha256(more.ids.tobytes() + more.starts.tobytes()).hexdigest()}


def _wanted(context: Context, teacher: Trained) -> int:
    """Return how many texts the teacher answers in its share of the time."""
    limit = time_limit(context, _LESSONS_SHARE)
    affordable = math.inf if limit is None else ANSWERS_A_STEP * limit / teacher.text_s
    return lesson_count(len(_real_texts(context)), affordable=affordable)


def students_time(context: Context, teacher: Trained) -> float | None:
    """Return the seconds that students share: what the teacher's training and its answers leave."""
    whole, left = time_limit(context, 1.0), time_limit(context, 1 - TEACHER_SHARE)
    if whole is None or left is None:
        return None
    return max(_LEAST_STUDENTS_SHARE * whole, left - _wanted(context, teacher) * teacher.text_s / ANSWERS_A_STEP)


def lesson_count(real: int, *, affordable: float) -> int:
    """Return how many texts students learn from, of `real` ones where there is time for `affordable`.

    With time it is all of them and up to eight changed copies of each, about 40,000 in all; without, fewer.

    >>> lesson_count(10_000, affordable=float("inf")), lesson_count(10_000, affordable=2_500)
    (40000, 2500)
    """
    if affordable < real:
        return min(real, max(_FEWEST_TEXTS, int(affordable)))
    copies = min(_MOST_COPIES, round(min(_AUGMENTED_TEXTS, affordable) / real) - 1)
    return real * (1 + max(0, copies))
