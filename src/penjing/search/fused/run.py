"""The stages of `fit` for rows with several inputs, in order.

rows -> teacher -> each input alone -> what each input gives -> students -> bundles in float32 and int8
     -> answers on dev -> latency, memory -> choice -> answers on test -> bundle + report
"""

from __future__ import annotations

from pathlib import Path

import torch

from penjing.progress import Reporter
from penjing.search.early import deliver_early
from penjing.search.fit import FitResult
from penjing.search.fused.candidates import fused_candidates
from penjing.search.fused.context import open_fused_run
from penjing.search.fused.contributions import contributions
from penjing.search.fused.models import TEACHER, train_alone, train_fused_students, train_fused_teacher
from penjing.search.judge import judge_and_deliver
from penjing.spec import Task


def run(task: Task, *, output: Path, cache: Path, reporter: Reporter, command: str) -> FitResult:
    """Run every stage that is not there yet and return the choice."""
    torch.set_num_threads(task.budget.threads)
    context = open_fused_run(task, output=output, reporter=reporter)
    teacher = train_fused_teacher(context)
    found = fused_candidates(context, teacher)
    deliver_early(context, found, teacher=TEACHER, output=output)
    alone = [train_alone(context, one.name) for one in context.reads]
    gives = contributions(context, teacher, alone)
    for student in train_fused_students(context, teacher):
        found += fused_candidates(context, student)
    return judge_and_deliver(
        context, found, output=output, command=command, origin=None, asked="--input ROWS.csv",
        facts=lambda outcome: {"contributions": gives},
    )  # fmt: skip
