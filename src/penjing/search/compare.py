"""The chosen model beside its teacher: step by step, label by label, text by text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.bundle.manifest import Outputs
from penjing.bundle.read import probabilities
from penjing.measure.calibration import abstention, calibration_error, reliability
from penjing.measure.metrics import class_scores, confusion, score
from penjing.records import Trial
from penjing.report import (
    Abstain,
    Calibration,
    ClassChange,
    Flip,
    FlipCounts,
    LedgerRow,
    ReliabilityBin,
    VocabularyTrim,
)
from penjing.search.context import Context
from penjing.search.evaluate import Answers
from penjing.search.judged import Judged
from penjing.tasks.classify import decisions

Array = NDArray[Any]
_BINS = 15
_MOST_FLIPS = 200


def ledger(trials: Sequence[Trial], choice: Trial) -> tuple[LedgerRow, ...]:
    """Return the trials on the way from the teacher to `choice`, each with what its last step changed."""
    way = [trial for trial in trials if _leads_to(trial, choice) or trial.role == "teacher"]
    way.sort(key=lambda trial: (trial.role != "teacher", len(trial.recipe)))
    rows: list[LedgerRow] = []
    for trial in way if choice.role != "baseline" else [choice]:
        before = rows[-1].quality if rows else None
        rows.append(
            LedgerRow(
                step=trial.name,
                size_bytes=trial.size_bytes,
                parameters=trial.parameters,
                quality=trial.quality,
                p50_s=trial.latency.p50_s if trial.latency else None,
                delta=trial.quality.value - before.value if trial.quality and before else None,
            )
        )
    return tuple(rows)


def _leads_to(trial: Trial, choice: Trial) -> bool:
    on_the_way = trial.role == "candidate" and trial.recipe == choice.recipe[: len(trial.recipe)]
    return on_the_way or trial.name == choice.name


def per_class(context: Judged, teacher: Answers, choice: Answers) -> tuple[ClassChange, ...]:
    """Return F1 of each label on test."""
    labels, truth = context.splits.labels, context.truth["test"]
    scores = [class_scores(truth, _decided(context, found), labels=len(labels)) for found in (teacher, choice)]
    return tuple(
        ClassChange(label=label, n=before.support, teacher_f1=before.f1, choice_f1=after.f1)
        for label, before, after in zip(labels, *scores, strict=True)
    )


def confusion_counts(context: Judged, found: Answers) -> tuple[tuple[int, ...], ...] | None:
    """Return the confusion matrix on test; None where a text may have several labels."""
    if context.splits.multi_label:
        return None
    counts = confusion(context.truth["test"], _decided(context, found), labels=len(context.splits.labels))
    return tuple(tuple(row) for row in counts.tolist())


def flips(context: Judged, teacher: Answers, choice: Answers) -> tuple[tuple[Flip, ...], FlipCounts]:
    """Return test texts that teacher and choice answer differently, broken ones first, and how many there are."""
    outputs = [_outputs(context, found) for found in (teacher, choice)]
    shares = [probabilities(found.logits, out) for found, out in zip((teacher, choice), outputs, strict=True)]
    before, after = (_decided(context, found) for found in (teacher, choice))
    truth = context.truth["test"]
    found = [
        Flip(
            text=text,
            truth=_name(context, truth[row]),
            teacher_label=_name(context, before[row]),
            choice_label=_name(context, after[row]),
            teacher_score=float(shares[0][row].max()),
            choice_score=float(shares[1][row].max()),
        )
        for row, text in enumerate(context.names("test"))
        if not np.array_equal(before[row], after[row])
    ]
    counts = {way: sum(flip.direction == way for flip in found) for way in ("broken", "fixed", "both wrong")}
    found.sort(key=lambda flip: (("broken", "fixed", "both wrong").index(flip.direction), -flip.choice_score))
    summary = FlipCounts(broken=counts["broken"], fixed=counts["fixed"], both_wrong=counts["both wrong"], n=len(truth))
    return tuple(found[:_MOST_FLIPS]), summary


def calibration(context: Judged, found: Answers, *, temperature: float) -> Calibration:
    """Return the calibration error on test, before and after dividing by the temperature fitted on dev."""
    plain, scaled = (_confidence(context, found, temperature=t) for t in (1.0, temperature))
    right = _right(context, found)
    bins = tuple(
        ReliabilityBin(
            low=int(b.confidence * _BINS) / _BINS,
            high=min(1.0, (int(b.confidence * _BINS) + 1) / _BINS),
            n=b.n,
            confidence=b.confidence,
            accuracy=b.accuracy,
        )
        for b in reliability(scaled, right, bins=_BINS)
    )
    return Calibration(
        temperature=temperature,
        ece_before=calibration_error(plain, right),
        ece_after=calibration_error(scaled, right),
        bins=bins,
    )


def abstain(context: Judged, found: Answers, *, temperature: float) -> Abstain | None:
    """Return what withholding unsure answers gives on test; None where the task sets no threshold."""
    below = context.task.abstain_below
    if below is None:
        return None
    result = abstention(_confidence(context, found, temperature=temperature), _right(context, found), below=below)
    return Abstain(below=below, coverage=result.coverage, accuracy=result.accuracy or 0.0)


def vocabulary_trim(context: Context, trimmed: Answers) -> VocabularyTrim:
    """Return what the trim did to the dev texts, and the metric on those that are read differently."""
    facts = context.vocabulary.facts
    n = facts["dev_texts"]
    changed = np.zeros(n, bool)
    changed[facts["dev_changed"]] = True
    predicted, truth = _decided(context, trimmed), context.truth["dev"]
    metric = [score("accuracy", truth[rows], predicted[rows]) if rows.any() else None for rows in (changed, ~changed)]
    return VocabularyTrim(
        pieces_kept=facts["pieces_after"],
        pieces_before=facts["pieces_before"],
        changed_rate=float(changed.mean()),
        accuracy_changed=metric[0],
        accuracy_unchanged=metric[1],
        unknown_rate=facts["unk_rate_after"],
        n=n,
    )


def _decided(context: Judged, found: Answers) -> Array:
    return decisions(found.logits, multi_label=context.splits.multi_label)


def _outputs(context: Judged, found: Answers, *, temperature: float | None = None) -> Outputs:
    return Outputs(
        labels=context.splits.labels,
        multi_label=context.splits.multi_label,
        temperature=found.temperature if temperature is None else temperature,
    )


def _confidence(context: Judged, found: Answers, *, temperature: float) -> Array:
    shares = probabilities(found.logits, _outputs(context, found, temperature=temperature))
    certain: Array = np.maximum(shares, 1 - shares).min(axis=1) if context.splits.multi_label else shares.max(axis=1)
    return certain


def _right(context: Judged, found: Answers) -> Array:
    same = np.asarray(_decided(context, found) == context.truth["test"])
    return np.asarray(same.all(axis=1)) if context.splits.multi_label else same


def _name(context: Judged, answer: Any) -> str:
    labels = context.splits.labels
    if context.splits.multi_label:
        return ", ".join(label for label, given in zip(labels, answer, strict=True) if given) or "none"
    return labels[int(answer)]
