"""The stages of `fit` for a model that translates, in order.

pairs -> pieces -> teacher -> its translations of the training texts -> students: one learns these and the references,
      the other the references alone -> bundles in float32 and int8
      -> BLEU or chrF on dev -> speed, memory -> choice -> the same on test -> bundle + report
"""

from __future__ import annotations

from pathlib import Path

import torch

from penjing.files import write_text
from penjing.measure.scored import judge_scored, scored_quality
from penjing.measure.translation import CorpusScored
from penjing.progress import Reporter
from penjing.records import Trial
from penjing.search.choose import choose
from penjing.search.fit import FitResult
from penjing.search.frontier import JOURNAL_NAME
from penjing.search.translation.candidates import TEACHER, reader_candidates, student_candidates, teacher_candidates
from penjing.search.translation.context import TranslationContext, open_translation_run
from penjing.search.translation.deliver import TranslationOutcome, deliver_translation
from penjing.search.translation.distil import distilled_lesson
from penjing.search.translation.evaluate import make_translation_trial, scores, speeds
from penjing.search.translation.memory import MEMORY, memory_scored
from penjing.search.translation.models import as_given, train_student, train_teacher
from penjing.spec import Task


def run(task: Task, *, output: Path, cache: Path, reporter: Reporter, command: str) -> FitResult:
    """Run every stage that is not there yet and return the choice."""
    torch.set_num_threads(task.budget.threads)
    context = open_translation_run(task, output=output, cache=cache, reporter=reporter)
    teacher = train_teacher(context)
    teachers = teacher_candidates(context, teacher)
    distilled = train_student(context, teacher, distilled_lesson(context, teacher, teachers[1]))
    candidates = [
        *teachers,
        *student_candidates(context, distilled),
        *reader_candidates(context, train_student(context, teacher, as_given(context))),
    ]
    on_dev = scores(context, candidates, split="dev")
    timed = speeds(context, candidates)
    trials = (
        _memory_trial(context, on_dev[TEACHER]),
        *(
            make_translation_trial(context, found, on_dev[found.name], timed[found.name], teacher=on_dev[TEACHER])
            for found in candidates
        ),
    )
    choice = choose(trials[1:], objective=task.objective, bar=task.bar, budget=task.budget)
    tested = [found for found in candidates if found.name in {TEACHER, choice.trial.name}]
    outcome = TranslationOutcome(
        trials=trials,
        choice=choice,
        candidate=next(found for found in candidates if found.name == choice.trial.name),
        on_test={**scores(context, tested, split="test"), MEMORY: memory_scored(context, split="test")},
    )
    result = deliver_translation(context, outcome, output=output, command=command)
    write_text(output / JOURNAL_NAME, "".join(f"{trial.model_dump_json()}\n" for trial in trials))
    return result


def _memory_trial(context: TranslationContext, teacher: CorpusScored) -> Trial:
    """Return the translation memory as a trial that is never chosen: it has no bundle."""
    found, seed = memory_scored(context, split="dev"), context.task.recipe.seed
    return Trial(
        name=MEMORY,
        role="baseline",
        recipe=(),
        engine="linear",
        quality=scored_quality(found, split="dev", seed=seed),
        verdict=judge_scored(context.task.bar, found, teacher, split="dev", seed=seed),
        notes=("answers with the translation of the nearest training text; for comparison, it makes no bundle",),
    )
