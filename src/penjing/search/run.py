"""The stages of `fit` for a classifier, in order.

data -> model -> vocabulary -> linear baseline -> teacher -> students -> bundles
     -> answers on dev -> latency, memory -> choice -> answers on test -> bundle + report
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from penjing.files import write_text
from penjing.progress import Reporter
from penjing.search.candidates import Candidate, linear_candidate, student_candidates, teacher_candidates
from penjing.search.choose import choose
from penjing.search.context import Context, open_run
from penjing.search.deliver import BASELINE, TEACHER, Outcome, deliver
from penjing.search.early import deliver_early
from penjing.search.elastic import train_elastic
from penjing.search.evaluate import Answers, all_answers, make_trial, timings
from penjing.search.fit import FitResult
from penjing.search.frontier import JOURNAL_NAME
from penjing.search.models import Trained, train_teacher
from penjing.search.needed import why_not_needed
from penjing.search.students import train_students
from penjing.spec import Students, Task

STUDENTS: Mapping[Students, Callable[[Context, Trained], list[Trained]]] = {
    "separate": train_students,
    "elastic": train_elastic,
}


def run(task: Task, *, output: Path, cache: Path, reporter: Reporter, command: str) -> FitResult:
    """Run every stage that is not there yet and return the choice."""
    torch.set_num_threads(task.budget.threads)
    context = open_run(task, output=output, cache=cache, reporter=reporter)
    candidates = _candidates(context, output)
    on_dev = _answers(context, candidates, split="dev")
    timed = timings(context, candidates)
    trials = tuple(
        make_trial(context, candidate, on_dev[candidate.name], timed[candidate.name], teacher=on_dev[TEACHER])
        for candidate in candidates
    )
    choice = choose(trials, objective=task.objective, bar=task.bar, budget=task.budget)
    outcome = Outcome(
        trials=trials,
        choice=choice,
        candidates={candidate.name: candidate for candidate in candidates},
        on_dev=on_dev,
        on_test=_answers(context, _tested(candidates, choice.trial.name), split="test"),
    )
    result = deliver(context, outcome, output=output, command=command)
    write_text(output / JOURNAL_NAME, "".join(f"{trial.model_dump_json()}\n" for trial in trials))
    return result


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


def _answers(context: Context, candidates: Sequence[Candidate], *, split: str) -> Mapping[str, Answers]:
    context.reporter.begin(f"{split} answers")
    found = all_answers(context, candidates, split=split)
    new = sum(not answers.reused for answers in found.values())
    context.reporter.end(f"{len(found)} bundles, {new} of them new", reused=not new)
    return found


def _tested(candidates: Sequence[Candidate], choice: str) -> Sequence[Candidate]:
    """Return those that may see test: the choice, and the two that it is compared with."""
    return [candidate for candidate in candidates if candidate.name in {TEACHER, BASELINE, choice}]
