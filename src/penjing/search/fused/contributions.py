"""What each input gives: how good the others are without it, and how good it is alone, on dev."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from penjing.measure.intervals import quality
from penjing.records import Quality
from penjing.report import Contribution
from penjing.search.fused.context import FusedContext
from penjing.search.fused.models import TrainedFused, only
from penjing.tasks.classify import decisions
from penjing.train.fused import FusedModel
from penjing.train.fused_rows import Rows, fused_logits


def contributions(
    context: FusedContext, teacher: TrainedFused, alone: Sequence[TrainedFused]
) -> tuple[Contribution, ...]:
    """Return a row for each input: of the teacher without it, and of a model that learned from it alone."""
    context.reporter.begin("inputs")
    model, rows = teacher.load(), context.examples("dev")
    found = []
    for one, single in zip(context.reads, alone, strict=True):
        there = np.mean([row.values[context.reads.index(one)] is not None for row in rows.rows])
        found.append(
            Contribution(
                input=one.name,
                kind=one.kind,
                present=float(there),
                without=_quality(context, model, context.examples("dev", without=one.name)),
                alone=_quality(context, single.load(), only(rows, one.name)),
            )
        )
    whole = _quality(context, model, rows).value
    told = ", ".join(f"{one.input} {one.without.value - whole:+.3f} without it" for one in found)
    context.reporter.end(told, reused=False)
    return tuple(found)


def _quality(context: FusedContext, model: FusedModel, rows: Rows) -> Quality:
    answered = decisions(fused_logits(model, rows, device=context.device), multi_label=False)
    return quality(context.task.bar.metric, context.truth["dev"], answered, split="dev", seed=context.seed)
