"""golden.jsonl of a bundle that translates: texts with their translations where it was made, to compare with elsewhere.

Another instruction set adds in another order, so that of two pieces that are all but equally probable it may take the
other one: a translation is the same, or another one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from penjing.bundle.golden import choose_texts, read_golden_rows
from penjing.bundle.read import read_manifest
from penjing.measure.machine import instruction_set
from penjing.records import Record
from penjing.translation.api import make_wish
from penjing.translation.model import Translator
from penjing.translation.references import open_translator

GOLDEN_TEXTS = 64
TOLERANCE = 0.1  # of the translations, that may be other ones


class GoldenTranslation(Record):
    """One text and its translation."""

    source: str
    translation: str


@dataclass(frozen=True)
class TranslationVerifyReport:
    """How a bundle translates here; `ok` is the answer."""

    engine: str
    made_on: str
    """The instruction set of the golden translations."""
    here: str
    n: int
    same: int
    alone: int
    """Translations that are the same one by one as all together."""
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether translations are the same within the tolerance, alone and together."""
        return self.n > 0 and min(self.same, self.alone) >= (1 - self.tolerance) * self.n


def golden_translations(model: Translator, texts: Sequence[str]) -> list[GoldenTranslation]:
    """Return the translations of texts spread over the lengths."""
    chosen = choose_texts(texts, count=GOLDEN_TEXTS)
    found = model.translate(chosen, make_wish(model, None, None))
    return [GoldenTranslation(source=one.source, translation=one.text) for one in found]


def write_golden_translations(path: Path, rows: Sequence[GoldenTranslation]) -> None:
    """Write golden.jsonl."""
    lines = (json.dumps(row.model_dump(mode="json"), ensure_ascii=False) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")


def verify_translations(folder: Path, *, threads: int = 2) -> TranslationVerifyReport:
    """Return how the bundle in `folder` translates here; its files are checked against their hashes first.

    Raises:
        BundleError: a file is missing or changed, or there are no golden translations.
    """
    manifest, rows = read_manifest(folder), read_golden_rows(folder, GoldenTranslation)
    with open_translator(os.fspath(folder), threads=threads) as model:
        wish = make_wish(model, None, None)
        together = model.translate([row.source for row in rows], wish)
        alone = [model.translate([row.source], wish)[0] for row in rows]
    golden = manifest.golden
    return TranslationVerifyReport(
        engine=model.engine,
        made_on=golden.isa if golden else "unknown",
        here=instruction_set(),
        n=len(rows),
        same=sum(row.translation == found.text for row, found in zip(rows, together, strict=True)),
        alone=sum(one.text == found.text for one, found in zip(alone, together, strict=True)),
        tolerance=golden.tolerance if golden else 0.0,
    )
