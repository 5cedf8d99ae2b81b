"""The stages of `fit` for a model that writes, in order.

passages -> model -> vocabulary -> teacher (LoRA) -> files with fewer blocks and bits -> bits per byte or answers on dev
         -> speed, memory -> choice -> the same on test -> bundle + report
"""

from __future__ import annotations

from pathlib import Path

import torch

from penjing.files import write_text
from penjing.progress import Reporter
from penjing.search.choose import choose
from penjing.search.fit import FitResult
from penjing.search.frontier import JOURNAL_NAME
from penjing.search.text.candidates import AS_GIVEN, TEACHER, all_candidates
from penjing.search.text.context import open_text_run
from penjing.search.text.deliver import TextOutcome, deliver_text
from penjing.search.text.evaluate import dev_perplexities, make_text_trial, scores, speeds
from penjing.search.text.teacher import train_text_teacher
from penjing.spec import Task


def run(task: Task, *, output: Path, cache: Path, reporter: Reporter, command: str) -> FitResult:
    """Run every stage that is not there yet and return the choice."""
    torch.set_num_threads(task.budget.threads)
    context = open_text_run(task, output=output, cache=cache, reporter=reporter)
    candidates = all_candidates(context, train_text_teacher(context))
    on_dev = scores(context, candidates, split="dev")
    perplexities = dev_perplexities(context, candidates, on_dev)
    timed = speeds(context, candidates)
    trials = tuple(
        make_text_trial(
            context,
            found,
            on_dev[found.name],
            timed[found.name],
            teacher=on_dev[TEACHER],
            perplexity=perplexities.get(found.name),
        )
        for found in candidates
    )
    choice = choose(trials, objective=task.objective, bar=task.bar, budget=task.budget)
    tested = [found for found in candidates if found.name in {TEACHER, AS_GIVEN, choice.trial.name}]
    outcome = TextOutcome(
        trials=trials,
        choice=choice,
        candidate=next(found for found in candidates if found.name == choice.trial.name),
        on_test=scores(context, tested, split="test"),
    )
    result = deliver_text(context, outcome, output=output, command=command)
    write_text(output / JOURNAL_NAME, "".join(f"{trial.model_dump_json()}\n" for trial in trials))
    return result
