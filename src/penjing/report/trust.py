"""How far the answers can be trusted: the trimmed vocabulary, and the probabilities."""

from __future__ import annotations

from penjing.report import show
from penjing.report.figures import reliability
from penjing.report.markup import Child, Markup, el, join
from penjing.report.model import Abstain, Calibration, RunReport, VocabularyTrim
from penjing.report.tables import Column, definitions, folded, number, row, table
from penjing.report.words import Words, spans

_Rows = list[tuple[Markup, Child]]


def trust_section(run: RunReport, *, say: Words) -> Markup | None:
    """Return the vocabulary and the calibration, or None where neither was touched."""
    parts = [
        _vocabulary(run.vocabulary, say=say) if run.vocabulary else None,
        _calibration(run.calibration, run.abstain, say=say) if run.calibration or run.abstain else None,
    ]
    return join(parts) if any(parts) else None


def _vocabulary(trim: VocabularyTrim, *, say: Words) -> Markup:
    kept, before = show.count(trim.pieces_kept), show.count(trim.pieces_before)
    rows: _Rows = [
        (
            say("vocabulary.pieces"),
            say(
                "vocabulary.kept",
                kept=kept,
                before=before,
                share=show.share(trim.pieces_kept / trim.pieces_before),
            ),
        ),
        (
            say("vocabulary.changed"),
            say("vocabulary.of", share=show.share(trim.changed_rate), n=show.count(trim.n)),
        ),
        (say("vocabulary.unknown"), _rate(trim.unknown_rate)),
    ]
    if trim.accuracy_changed is not None:
        rows.append((say("vocabulary.accuracy-changed"), show.share(trim.accuracy_changed)))
    if trim.accuracy_unchanged is not None:
        rows.append((say("vocabulary.accuracy-unchanged"), show.share(trim.accuracy_unchanged)))
    return join(el("h3", say("vocabulary.title")), el("p", say("vocabulary.read")), definitions(rows))


def _rate(value: float) -> str:
    return f"{value * 100:.2g}\u202f%"


def _calibration(calibration: Calibration | None, abstain: Abstain | None, *, say: Words) -> Markup:
    rows: _Rows = []
    if calibration is not None:
        rows += [
            (say("calibration.temperature"), f"{calibration.temperature:.2f}"),
            (say("calibration.before"), show.share(calibration.ece_before)),
            (say("calibration.after"), show.share(calibration.ece_after)),
        ]
    if abstain is not None:
        rows += [
            (say("abstain.below"), f"{abstain.below:.2f}"),
            (say("abstain.coverage"), show.share(abstain.coverage)),
            (say("abstain.accuracy"), show.share(abstain.accuracy)),
        ]
    text = el("div", el("p", say("calibration.read")), definitions(rows))
    drawn = _drawn(calibration, say=say) if calibration and calibration.bins else None
    body = el("div", text, drawn, class_="beside") if drawn else text
    return join(el("h3", say("calibration.title")), body)


def _drawn(calibration: Calibration, *, say: Words) -> Markup:
    title = say.pair("calibration.figure", split=say.pair(f"split.{'test' if calibration.split == 'test' else 'dev'}"))
    svg = reliability(
        calibration.bins,
        title=title,
        description=say.pair("calibration.description"),
        x=say.pair("calibration.x"),
        y=say.pair("calibration.y"),
    )
    names = ("range", "n", "confidence", "accuracy")
    columns = [Column(say.pair(f"calibration.{name}"), "text" if name == "range" else "number") for name in names]
    rows = [
        row(
            f"{b.low:.2f} – {b.high:.2f}",
            number(show.count(b.n)),
            number(show.share(b.confidence)),
            number(show.share(b.accuracy)),
        )
        for b in calibration.bins
    ]
    numbers = folded(say("more.numbers"), table(columns, rows, caption=title, kind="plain"))
    return el("figure", svg, el("figcaption", spans(title)), numbers)
