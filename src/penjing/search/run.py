"""The stages of `fit` for a classifier, in order.

data -> model -> vocabulary -> linear baseline -> teacher -> students -> bundles
     -> answers on dev -> latency, memory -> choice -> answers on test -> bundle + report
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from penjing.progress import Reporter
from penjing.recipe import Students
from penjing.search.candidates import Candidate, linear_candidate, student_candidates, teacher_candidates
from penjing.search.compare import vocabulary_trim
from penjing.search.context import Context, open_run
from penjing.search.deliver import TEACHER, Outcome
from penjing.search.early import deliver_early
from penjing.search.elastic import train_elastic
from penjing.search.expected import expectations
from penjing.search.fit import FitResult
from penjing.search.judge import judge_and_deliver
from penjing.search.models import Trained, train_teacher
from penjing.search.needed import why_not_needed
from penjing.search.students import train_students
from penjing.spec import Task

TRIMMED = "trimmed teacher"
STUDENTS: Mapping[Students, Callable[[Context, Trained], list[Trained]]] = {
    "none": lambda context, teacher: [],
    "separate": train_students,
    "elastic": train_elastic,
}


def run(task: Task, *, output: Path, cache: Path, reporter: Reporter, command: str) -> FitResult:
    """Run every stage that is not there yet and return the choice."""
    torch.set_num_threads(task.budget.threads)
    context = open_run(task, output=output, cache=cache, reporter=reporter)
    return judge_and_deliver(
        context,
        _candidates(context, output),
        output=output,
        command=command,
        origin=context.model.origin,
        asked='"…"',
        facts=partial(_facts, context),
    )


def _facts(context: Context, outcome: Outcome) -> Mapping[str, Any]:
    """Return what the report says of models of texts alone."""
    trimmed = outcome.on_dev.get(TRIMMED)
    return {
        "vocabulary": vocabulary_trim(context, trimmed) if trimmed else None,
        "expected": expectations(context, next(trial for trial in outcome.trials if trial.name == TEACHER)),
    }


def _candidates(context: Context, output: Path) -> list[Candidate]:
    found = [linear_candidate(context)]
    teacher = train_teacher(context)
    found += teacher_candidates(context, teacher)
    deliver_early(context, found, teacher=TEACHER, output=output)
    reason = why_not_needed(context, found[0], found[1], teacher.load().shape)
    if reason is not None:
        context.reporter.begin("students")
        context.reporter.end("not trained: the linear baseline would be chosen before any of them", reused=False)
        return [replace(found[0], notes=(*found[0].notes, reason)), *found[1:]]
    for student in STUDENTS[context.task.recipe.students](context, teacher):
        found += student_candidates(context, student)
    return found
