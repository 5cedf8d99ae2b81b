"""What a language model learns from: conversations, questions with answers, or plain text; in three splits."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from penjing.data.near import near_duplicate_groups
from penjing.data.readers import iter_rows, missing_column
from penjing.errors import DataError
from penjing.spec import DataSpec

ROLES = ("system", "user", "assistant")
_CHARACTERS = 800  # of a passage of plain text, about
_MOST_EVAL_BYTES = 32_000  # of dev and of test, where data.max_eval says nothing: each takes seconds a candidate
_FEWEST = {"train": 8, "dev": 4, "test": 4}

Turn = tuple[str, str]
"""A role and what it says."""
Parts = dict[str, tuple["Passage", ...]]


@dataclass(frozen=True, slots=True)
class Passage:
    """A text to be written, after the turns of a conversation, or standing alone."""

    prompt: tuple[Turn, ...]
    text: str

    @property
    def everything(self) -> str:
        """All that is said."""
        return "\n".join([*(content for _, content in self.prompt), self.text])


@dataclass(frozen=True)
class PassageSplits:
    """Train, dev and test."""

    train: tuple[Passage, ...]
    dev: tuple[Passage, ...]
    test: tuple[Passage, ...]
    notes: tuple[str, ...]


def load_passages(spec: DataSpec) -> PassageSplits:
    """Return the three splits that the task describes.

    A .txt file is one text: it is cut into passages, and where it is split here, dev and test are its end, so that no
    passage of theirs was half seen. Rows of other files are shuffled by `seed`. A training passage that is nearly one
    of dev or test is dropped. Dev and test end at 32,000 bytes where `max_eval` does not say how many passages.

    Raises:
        DataError: a file cannot be read, has no such columns, or there is too little in it.
    """
    given = {
        name: _read(source, spec)
        for name, source in (("train", spec.source or spec.train), ("dev", spec.dev), ("test", spec.test))
        if source is not None
    }
    parts, notes = _apart(_completed(given, spec))
    parts = {name: _limited(passages, name, spec) for name, passages in parts.items()}
    for name, fewest in _FEWEST.items():
        if len(parts[name]) < fewest:
            raise DataError(
                f"too little text to {name}", value=f"{len(parts[name])} passages", rule=f"{fewest} or more"
            )
    return PassageSplits(parts["train"], parts["dev"], parts["test"], notes)


def passages_fingerprint(splits: PassageSplits) -> str:
    """Return the SHA-256 of everything in `splits`."""
    rows = [[[*map(list, found.prompt)], found.text] for part in _parts(splits) for found in [*part, Passage((), "")]]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _parts(splits: PassageSplits) -> tuple[tuple[Passage, ...], ...]:
    return splits.train, splits.dev, splits.test


def _read(source: str, spec: DataSpec) -> tuple[Passage, ...]:
    if source.startswith(("hf:", "package:")):
        raise DataError("text to learn from is a file", value=source, rule=".txt, .jsonl, .csv, .tsv or .parquet")
    path = Path(source)
    if path.suffix.lower() == ".txt":
        lines = [str(row["text"]) for row in iter_rows(path)]
        return tuple(Passage((), text) for text in cut(lines))
    found = [passage for row in iter_rows(path, columns=spec.columns) for passage in _passages(row, spec, path)]
    return tuple(dict.fromkeys(found))


def cut(lines: Sequence[str], *, characters: int = _CHARACTERS) -> Iterator[str]:
    """Yield passages of about so many characters, whole lines each (a longer line alone).

    >>> list(cut(["one", "two", "three"], characters=8))
    ['one\\ntwo', 'three']
    """
    held: list[str] = []
    for line in lines:
        if held and sum(map(len, held)) + len(held) + len(line) > characters:
            yield "\n".join(held)
            held = []
        if line or held:
            held.append(line)
    if any(held):
        yield "\n".join(held)


def _passages(row: Mapping[str, Any], spec: DataSpec, path: Path) -> Iterator[Passage]:
    if "messages" in row:
        yield from _turns(row["messages"], path)
    elif spec.prompt in row and spec.answer in row:
        if row[spec.answer] is None or row[spec.prompt] is None:
            raise DataError("a row has no prompt or no answer", value=f"{path}: {str(dict(row))[:80]}")
        yield Passage((("user", str(row[spec.prompt])),), str(row[spec.answer]))
    elif spec.text in row:
        if str(row[spec.text] or "").strip():
            yield Passage((), str(row[spec.text]))
    else:
        raise missing_column(f"messages, {spec.prompt} and {spec.answer}, or {spec.text}", row.keys(), path)


def _turns(messages: Any, path: Path) -> Iterator[Passage]:
    """Yield each answer of a conversation, after what was said before it."""
    try:
        turns = tuple((str(turn["role"]), str(turn["content"])) for turn in messages)
    except (TypeError, KeyError):
        raise DataError(
            "`messages` is no conversation",
            value=f"{path}: {str(messages)[:80]}",
            rule='[{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]',
        ) from None
    for role, _ in turns:
        if role not in ROLES:
            raise DataError("unknown role", value=f"{path}: {role}", rule=", ".join(ROLES))
    for (role, _), (next_role, _) in pairwise(turns):
        if role == next_role:
            raise DataError("two turns of one role follow each other", value=f"{path}: {role}", rule="turns alternate")
    for place, (role, content) in enumerate(turns):
        if role == "assistant" and content:
            yield Passage(turns[:place], content)


def _completed(given: Parts, spec: DataSpec) -> Parts:
    """Split off what is not given, from the end."""
    train, dev, test = spec.split
    missing = [(name, share) for name, share in (("dev", dev), ("test", test)) if name not in given]
    passages = list(given["train"])
    if not _is_running_text(spec):
        random.Random(spec.seed).shuffle(passages)  # noqa: S311 (no secret)
    parts, end = dict(given), len(passages)
    whole = train + sum(share for _, share in missing)
    for name, share in reversed(missing):
        start = end - round(len(passages) * share / whole)
        parts[name], end = tuple(passages[start:end]), start
    return {**parts, "train": tuple(passages[:end])}


def _is_running_text(spec: DataSpec) -> bool:
    return str(spec.source or spec.train).lower().endswith(".txt")


def _apart(parts: Parts) -> tuple[Parts, tuple[str, ...]]:
    """Drop training passages that are nearly one of dev or test."""
    held_out, train = parts["dev"] + parts["test"], parts["train"]
    groups = near_duplicate_groups([passage.everything for passage in held_out + train]).tolist()
    held = set(groups[: len(held_out)])
    kept = tuple(p for p, group in zip(train, groups[len(held_out) :], strict=True) if group not in held)
    dropped = len(train) - len(kept)
    notes = (f"train: {dropped:,} near-duplicates of dev or test dropped",) if dropped else ()
    return {**parts, "train": kept}, notes


def _limited(passages: tuple[Passage, ...], name: str, spec: DataSpec) -> tuple[Passage, ...]:
    if name == "train":
        return passages[: spec.max_train]
    if spec.max_eval is not None:
        return passages[: spec.max_eval]
    total, count = 0, 0
    for passage in passages:
        total += len(passage.text.encode())
        count += 1
        if total >= _MOST_EVAL_BYTES:
            break
    return passages[:count]
