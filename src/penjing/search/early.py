"""A first bundle while students still train: the smallest of linear and teacher that meets the bar on dev."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from penjing.bundle import read_manifest
from penjing.bundle.golden import read_golden
from penjing.errors import BundleError
from penjing.search.candidates import Candidate
from penjing.search.choose import broken_limits, choose
from penjing.search.evaluate import Timing, all_answers, make_trial
from penjing.search.fit import BUNDLE_NAME
from penjing.search.handover import hand_over
from penjing.search.judged import Judged
from penjing.spec import Budget

_NOT_TIMED = Timing(None, None, None)


def deliver_early(context: Judged, candidates: Sequence[Candidate], *, teacher: str, output: Path) -> None:
    """Write a bundle that can be used until the run ends, where there is none yet for this data.

    It is judged on dev and by its size alone: nothing is timed, and test is not touched.
    """
    folder = output / BUNDLE_NAME
    if _is_there(folder, context):
        return
    task, by_name = context.task, {candidate.name: candidate for candidate in candidates}
    context.reporter.begin("first bundle")
    on_dev = all_answers(context, candidates, split="dev")
    size_only = Budget(size=task.budget.size, threads=task.budget.threads)
    trials = [
        make_trial(context, candidate, on_dev[name], _NOT_TIMED, teacher=on_dev[teacher])
        for name, candidate in by_name.items()
    ]
    trials = [trial.model_copy(update={"over_budget": broken_limits(trial, size_only)}) for trial in trials]
    chosen = choose(trials, objective="size", bar=task.bar, budget=size_only).trial
    hand_over(
        chosen,
        by_name[chosen.name].folder,
        folder,
        golden=context.golden(),
        threads=task.budget.threads,
        abstain_below=task.abstain_below,
        known={
            "quality": {"dev": chosen.quality} if chosen.quality else {},
            "verdict": chosen.verdict,
            "provisional": True,
            "task": task.model_dump(mode="json"),
        },
    )
    context.reporter.end(f"{chosen.name}, to use meanwhile: {folder}", reused=False)


def _is_there(folder: Path, context: Judged) -> bool:
    """Return whether there is a bundle that was made for the same labels and the same dev examples."""
    try:
        labels = read_manifest(folder).outputs.labels
        inputs = [row.source for row in read_golden(folder)]
    except BundleError:
        return False
    return labels == context.splits.labels and inputs == list(context.golden())
