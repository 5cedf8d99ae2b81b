"""Sentence pairs in three splits, from tables, parallel files and gettext catalogues, cleaned."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penjing.data.catalogue import read_catalogue
from penjing.data.readers import iter_rows, iter_texts, missing_column
from penjing.errors import DataError
from penjing.languages import Language
from penjing.masking import protect, protect_pair, split_accelerator, without_accelerators
from penjing.spec import DataSpec

_SPACE = re.compile(r"[ \u00a0]+")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_KANA, _HANGUL = re.compile(r"[\u3040-\u30ff]"), re.compile(r"[\uac00-\ud7af]")
_MOST_RATIO = 6.0  # of the widths of both sides
_MOST_CHARACTERS = 600
_FEWEST = {"train": 200, "dev": 20, "test": 20}
_COLUMNS = "data.source_text, data.target_text or data.group in the task"
CATALOGUES = (".po", ".pot", ".mo")

Parts = dict[str, tuple["Pair", ...]]


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and its translation, masked; `group` is what it is held out by, where that is given."""

    source: str
    target: str
    group: str = ""


@dataclass(frozen=True)
class PairSplits:
    """Train, dev and test, what was dropped, and how many test sources are in train too."""

    train: tuple[Pair, ...]
    dev: tuple[Pair, ...]
    test: tuple[Pair, ...]
    notes: tuple[str, ...]

    def seen(self, split: str) -> list[bool]:
        """Return of each pair of a split whether its source is one of train."""
        known = {pair.source for pair in self.train}
        return [pair.source in known for pair in getattr(self, split)]


def load_pairs(spec: DataSpec, source: Language, target: Language) -> PairSplits:
    """Return the three splits that the task describes, cleaned; placeholders are masked by sentinels on both sides.

    Where they are split here, pairs with the same source stay together, or those of one `group`. Training pairs that
    are in dev or test are dropped; a source that is, with another translation, stays only where splits are given or
    groups are held out (two programs do have entries in common), and is counted.

    Raises:
        DataError: a file cannot be read, has no such columns, or too little is left.
    """
    given: Parts = {}
    notes: list[str] = []
    for name, place in (("train", spec.source or spec.train), ("dev", spec.dev), ("test", spec.test)):
        if place is None:
            continue
        read = list(_read(place, spec, source, target))
        given[name], dropped = _cleaned(read, source, target)
        notes += [f"{name}: {count:,} of {len(read):,} pairs dropped: {why}" for why, count in dropped.items() if count]
    parts = _completed(given, spec)
    held_out = {(pair.source, pair.target) for name in ("dev", "test") for pair in parts[name]}
    kept = tuple(pair for pair in parts["train"] if (pair.source, pair.target) not in held_out)
    if dropped_pairs := len(parts["train"]) - len(kept):
        notes.append(f"train: {dropped_pairs:,} pairs that are in dev or test dropped")
    limits = {"train": spec.max_train, "dev": spec.max_eval, "test": spec.max_eval}
    parts = {name: _mixed(pairs, spec)[: limits[name]] for name, pairs in {**parts, "train": kept}.items()}
    for name, fewest in _FEWEST.items():
        if len(parts[name]) < fewest:
            found = "; ".join([f"{len(parts[name])}", *notes])
            raise DataError(f"too few pairs to {name}", value=found, rule=f"{fewest} or more")
    splits = PairSplits(parts["train"], parts["dev"], parts["test"], tuple(notes))
    seen = sum(splits.seen("test"))
    return PairSplits(
        splits.train, splits.dev, splits.test, (*notes, f"test: {seen:,} of {len(splits.test):,} sources are in train")
    )


def pairs_fingerprint(splits: PairSplits) -> str:
    """Return the SHA-256 of everything in `splits`."""
    rows = [[[pair.source, pair.target] for pair in part] for part in (splits.train, splits.dev, splits.test)]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _read(place: str, spec: DataSpec, source: Language, target: Language) -> Iterator[Pair]:
    if place.startswith(("hf:", "package:")):
        raise DataError("pairs are in a file", value=place, rule=".csv, .tsv, .jsonl, .parquet, .po, .mo or {lang}")
    if "{lang}" in place:
        yield from _parallel(place, source, target)
        return
    path = Path(place)
    if path.suffix.lower() in CATALOGUES:
        yield from (Pair(one, other) for one, other in read_catalogue(path))
        return
    for row in iter_rows(path, columns=spec.columns):
        yield _pair(row, spec, path)


def _pair(row: Mapping[str, Any], spec: DataSpec, path: Path) -> Pair:
    wanted = (spec.source_text, spec.target_text, *((spec.group,) if spec.group else ()))
    for column in wanted:
        if column not in row:
            raise missing_column(column, row.keys(), path, option=_COLUMNS)
    found = [str(row[column] or "") for column in wanted]
    return Pair(found[0], found[1], found[2] if spec.group else "")


def _parallel(place: str, source: Language, target: Language) -> Iterator[Pair]:
    sides = []
    for language in (source, target):
        names = dict.fromkeys((language.code, language.base))
        path = next((found for name in names if (found := Path(place.replace("{lang}", name))).is_file()), None)
        if path is None:
            raise DataError("parallel file not found", value=place, rule=f"{{lang}} is {' or '.join(names)}")
        try:
            sides.append(path.read_text(encoding="utf-8-sig").split("\n"))
        except UnicodeDecodeError as error:
            raise DataError("the file is not UTF-8", value=f"{path}: byte {error.start}", rule="UTF-8") from None
    if len(sides[0]) != len(sides[1]):
        raise DataError("parallel files differ in length", value=f"{len(sides[0])} and {len(sides[1])} lines")
    yield from (Pair(one, other) for one, other in zip(*sides, strict=True))


def _cleaned(pairs: list[Pair], source: Language, target: Language) -> tuple[tuple[Pair, ...], Counter[str]]:
    """Return the pairs that are fit to learn from, each once, and why the others are not."""
    dropped: Counter[str] = Counter()
    kept: dict[tuple[str, str], Pair] = {}
    for pair in pairs:
        found = _masked(pair)
        why = "placeholders differ" if found is None else _unfit(found, source, target)
        if found is not None and why is None:
            if (found.source, found.target) in kept:
                why = "seen before"
            else:
                kept[found.source, found.target] = found
        if why is not None:
            dropped[why] += 1
    return tuple(kept.values()), dropped


def _masked(pair: Pair) -> Pair | None:
    one, other = without_accelerators(pair.source, pair.target)
    found = protect_pair(one.strip(), other.strip())
    return None if found is None else Pair(_spaced(found[0]), _spaced(found[1]), pair.group)


def _spaced(text: str) -> str:
    return _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()


def _unfit(pair: Pair, source: Language, target: Language) -> str | None:
    """Return why a pair is not fit to learn from, or None."""
    if not pair.source or not pair.target:
        return "empty"
    if max(len(pair.source), len(pair.target)) > _MOST_CHARACTERS:
        return "too long"
    if pair.source == pair.target:
        return "not translated"
    if not (_looks_like(pair.source, source) and _looks_like(pair.target, target)):
        return "another language"
    wide, narrow = sorted((_width(pair.source), _width(pair.target)), reverse=True)
    if wide > _MOST_RATIO * narrow + 10:
        return "lengths too different"
    return None


def _looks_like(text: str, language: Language) -> bool:
    """Return whether the script of `text` may be that of the language, as far as scripts can tell."""
    han = bool(_HAN.search(text))
    if language.base == "zh":
        return han and not _KANA.search(text)
    if language.base == "ja":
        return han or bool(_KANA.search(text))
    if language.base == "ko":
        return bool(_HANGUL.search(text))
    return not han


def _width(text: str) -> int:
    """Return about how many Latin characters say as much."""
    return len(text) + 2 * len(_HAN.findall(text))


def _completed(given: Parts, spec: DataSpec) -> Parts:
    """Split off what is not given, by the hash of the group or the source."""
    train, dev, test = spec.split
    missing = [(name, share) for name, share in (("dev", dev), ("test", test)) if name not in given]
    whole = train + sum(share for _, share in missing)
    parts: dict[str, list[Pair]] = {name: [] for name in ("train", *(name for name, _ in missing))}
    for pair in given["train"]:
        place, name = _unit(pair.group or pair.source, seed=spec.seed) * whole, "train"
        for other, share in missing:
            if place < share:
                name = other
                break
            place -= share
        parts[name].append(pair)
    return {**given, **{name: tuple(pairs) for name, pairs in parts.items()}}


def _mixed(pairs: tuple[Pair, ...], spec: DataSpec) -> tuple[Pair, ...]:
    """Return the pairs in an order that depends on the texts alone."""
    return tuple(sorted(pairs, key=lambda pair: _unit(f"{pair.source}\n{pair.target}", seed=spec.seed)))


def _unit(text: str, *, seed: int) -> float:
    """Return a number from 0 to 1 that depends on the text alone."""
    digest = hashlib.sha256(f"{seed}\n{text}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def read_sources(path: Path, *, column: str, splits: PairSplits) -> tuple[str, ...]:
    """Return the texts without translation of a file, masked, each once, without those of the splits.

    Raises:
        DataError: the file cannot be read, or nothing is left of it.
    """
    known = {pair.source for part in (splits.train, splits.dev, splits.test) for pair in part}
    texts = (protect(split_accelerator(_spaced(text))[0]).text for text in iter_texts(path, column=column))
    found = [text for text in dict.fromkeys(texts) if text and text not in known and len(text) <= _MOST_CHARACTERS]
    if not found:
        raise DataError(
            "no text without translation is left", value=str(path), rule="at least one that is not in the data"
        )
    return tuple(found)
