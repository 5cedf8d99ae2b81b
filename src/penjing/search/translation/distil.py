"""What the student learns of its teacher: references and translations, and which of their pieces it thinks probable.

Source: Kim and Rush 2016, "Sequence-Level Knowledge Distillation" (of a beam and the greedy one that most like the
reference: their sequence-level interpolation; and their word-level distillation).
"""

from __future__ import annotations

import json
from pathlib import Path

from penjing.data.pairs import read_sources
from penjing.engines.translate import Search
from penjing.files import write_text
from penjing.masking import has_all_sentinels
from penjing.measure.translation import score_translations
from penjing.search.translation.candidates import TranslationCandidate
from penjing.search.translation.context import TranslationContext
from penjing.search.translation.models import Learned, Lesson, as_given
from penjing.translation.model import Candidate, Translator
from penjing.translation.references import open_translator

_BEAM = 4
_BATCH = 512

Pairs = list[tuple[str, str]]


def distilled_lesson(context: TranslationContext, teacher: Learned, exported: TranslationCandidate) -> Lesson:
    """Return what a student learns of `teacher`, which translates as it was `exported`."""
    pairs, key = distilled_pairs(context, exported)
    given = as_given(context).pairs
    known = {source for source, _ in given}
    texts = len(given) + sum(source not in known for source, _ in pairs)
    return Lesson([*given, *pairs], f"both {key}", "distil", by=teacher, passes=texts / (len(given) + texts))


def distilled_pairs(context: TranslationContext, teacher: TranslationCandidate) -> tuple[Pairs, str]:
    """Return the training texts, and those that have no translation, as the teacher translates them; and the key."""
    context.reporter.begin("teacher's translations")
    unlabelled = context.task.data.unlabelled
    more = (
        ()
        if unlabelled is None
        else read_sources(Path(unlabelled), column=context.task.data.source_text, splits=context.splits)
    )

    def make(folder: Path, _: Path) -> None:
        expected = {pair.source: pair.target for pair in context.splits.train}
        wanted = list(dict.fromkeys([*expected, *more]))
        with open_translator(str(teacher.folder), threads=context.task.budget.threads) as opened:
            found = _translated(context, opened, wanted)
        pairs = [(text, _nearest(found[text], expected.get(text), context)) for text in wanted]
        kept = [pair for pair in pairs if has_all_sentinels(pair[1], pair[0].count("｟"))]
        write_text(folder / "pairs.json", json.dumps(kept, ensure_ascii=False, indent=0))

    inputs = {"teacher": teacher.key, "data": context.data_key, "beam": _BEAM, "and": "greedy", "more": list(more)}
    stage = context.store.stage("distilled", inputs, make)
    pairs: Pairs = [
        (one, other) for one, other in json.loads((stage.folder / "pairs.json").read_text(encoding="utf-8"))
    ]
    context.reporter.end(f"{len(pairs):,} pairs", reused=stage.reused)
    return pairs, stage.key


def _translated(context: TranslationContext, opened: Translator, texts: list[str]) -> dict[str, list[Candidate]]:
    ordered = sorted(texts, key=len, reverse=True)
    found: dict[str, list[Candidate]] = {}
    for start in range(0, len(ordered), _BATCH):
        batch = ordered[start : start + _BATCH]
        found |= zip(batch, opened.segments(batch, Search(beam=_BEAM, hypotheses=_BEAM)), strict=True)
        context.reporter.advance(sum(map(len, found)), sum(map(len, ordered)), f"{len(found):,} texts")
    return found


def _nearest(candidates: list[Candidate], expected: str | None, context: TranslationContext) -> str:
    """Return the candidate that is most like what was expected, by chrF; without that, the most probable."""
    if expected is None:
        return candidates[0].text
    target = context.languages[1]
    return max(candidates, key=lambda one: score_translations("chrf", [one.text], [expected], target=target).value).text
