"""From candidates to a delivered bundle, for every task whose models give labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from penjing.bundle.manifest import Origin
from penjing.files import write_text
from penjing.search.candidates import Candidate
from penjing.search.choose import choose
from penjing.search.deliver import BASELINE, TEACHER, Outcome, deliver
from penjing.search.evaluate import Answers, all_answers, make_trial, timings
from penjing.search.fit import FitResult
from penjing.search.frontier import JOURNAL_NAME
from penjing.search.judged import Judged


def _no_more(outcome: Outcome) -> Mapping[str, Any]:
    return {}


def judge_and_deliver(
    context: Judged,
    candidates: Sequence[Candidate],
    *,
    output: Path,
    command: str,
    origin: Origin | None,
    asked: str,
    facts: Callable[[Outcome], Mapping[str, Any]] = _no_more,
) -> FitResult:
    """Measure the candidates on dev, choose one, judge it on test, and write bundle, report and journal into `output`.

    `origin`, `asked` and `facts` are as in `deliver`.
    """
    task = context.task
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
    result = deliver(context, outcome, output=output, command=command, origin=origin, asked=asked, facts=facts(outcome))
    write_text(output / JOURNAL_NAME, "".join(f"{trial.model_dump_json()}\n" for trial in trials))
    return result


def _answers(context: Judged, candidates: Sequence[Candidate], *, split: str) -> Mapping[str, Answers]:
    context.reporter.begin(f"{split} answers")
    found = all_answers(context, candidates, split=split)
    new = sum(not answers.reused for answers in found.values())
    context.reporter.end(f"{len(found)} bundles, {new} of them new", reused=not new)
    return found


def _tested(candidates: Sequence[Candidate], choice: str) -> Sequence[Candidate]:
    """Return those that may see test: the choice, and the two that it is compared with."""
    return [candidate for candidate in candidates if candidate.name in {TEACHER, BASELINE, choice}]
