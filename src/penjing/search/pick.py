"""Another bundle of a finished run, chosen by conditions such as "size<5MB": made without training."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from penjing.bundle import read_manifest
from penjing.bundle.golden import read_golden, read_golden_rows
from penjing.errors import TaskError
from penjing.generation.golden import golden_prompts
from penjing.records import Trial
from penjing.search.fit import BUNDLE_NAME
from penjing.search.handover import hand_over
from penjing.search.text.handover import MODEL_NAME, hand_over_text
from penjing.search.translation.handover import hand_over_translator
from penjing.spec import Budget
from penjing.translation.golden import GoldenTranslation
from penjing.units import parse_seconds, parse_size

_MOST_CHARACTERS = 200
_RULE = (
    'conditions such as "size<5MB", "latency<2ms", "memory<200MB", "quality>0.87", "drop<0.01", "engine=onnxruntime", '
    "joined by commas"
)
_CONDITION = re.compile(r"\s*(size|latency|memory|quality|drop)\s*([<>])\s*([^\s,<>](?:[^,<>]*[^\s,<>])?)\s*")
_ENGINE = re.compile(r"\s*engine\s*=\s*([a-z][a-z0-9-]*)\s*")


@dataclass(frozen=True, slots=True)
class Condition:
    """A figure of a trial that must be below, or above, a limit (bytes, seconds, or the metric's units)."""

    figure: str
    sign: str
    limit: float

    def holds(self, trial: Trial) -> bool:
        """Return whether `trial` fulfils it; what was not measured does not."""
        value = _FIGURES[self.figure](trial)
        if value is None:
            return False
        return value < self.limit if self.sign == "<" else value > self.limit


@dataclass(frozen=True, slots=True)
class RunsOn:
    """A trial that is made for an engine."""

    engine: str

    def holds(self, trial: Trial) -> bool:
        """Return whether `trial` is."""
        return trial.engine == self.engine


_FIGURES: dict[str, Callable[[Trial], float | None]] = {
    "size": lambda trial: trial.size_bytes,
    "latency": lambda trial: trial.cost("latency"),
    "memory": lambda trial: trial.memory_bytes,
    "quality": lambda trial: trial.quality.value if trial.quality else None,
    "drop": lambda trial: trial.verdict.drop if trial.verdict else None,
}


def parse_conditions(text: str) -> tuple[Condition | RunsOn, ...]:
    """Return the conditions that `text` names.

    >>> parse_conditions("size<5MB, quality>0.87")
    (Condition(figure='size', sign='<', limit=5000000), Condition(figure='quality', sign='>', limit=0.87))

    Raises:
        TaskError: a part of it is no condition.
    """
    if len(text) > _MOST_CHARACTERS:
        raise TaskError("too long for a pick", value=f"{len(text)} characters", rule=f"at most {_MOST_CHARACTERS}")
    return tuple(_parse(part) for part in text.split(","))


def _parse(text: str) -> Condition | RunsOn:
    if engine := _ENGINE.fullmatch(text):
        return RunsOn(engine[1])
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise TaskError("not a condition", value=text.strip(), rule=_RULE)
    figure, sign, limit = match.groups()
    parse = {"size": parse_size, "memory": parse_size, "latency": parse_seconds}.get(figure, _number)
    return Condition(figure, sign, parse(limit))


def _number(text: str) -> float:
    if not re.fullmatch(r"-?\d+(\.\d+)?", text):
        raise TaskError("not a number", value=text, rule=_RULE)
    return float(text)


def pick_trial(trials: Sequence[Trial], conditions: Sequence[Condition | RunsOn]) -> Trial:
    """Return the best trial on dev that fulfils all conditions; of equals the smallest.

    Raises:
        TaskError: none does.
    """
    able = [trial for trial in trials if trial.failed is None and trial.quality is not None]
    found = [trial for trial in able if all(condition.holds(trial) for condition in conditions)]
    if not found:
        raise TaskError(
            "no trial of this run fulfils that",
            value=f"{len(able)} trials",
            next_step="penjing frontier RUN shows what each costs and gives; penjing fit with other sizes adds more",
        )
    return max(found, key=lambda trial: (trial.quality.gain if trial.quality else 0.0, -(trial.size_bytes or 0)))


def write_pick(run: Path, trial: Trial, folder: Path) -> None:
    """Make `folder` a bundle of `trial`, with its figures on dev; test is not touched.

    Raises:
        TaskError: the run has no bundle, or the trial's files are not there.
        BundleError: files of the run have changed.
    """
    source = run / trial.bundle if trial.bundle else None
    if source is None or not source.is_dir() or run.resolve() not in source.resolve().parents:
        raise TaskError(
            "the files of this trial are not there",
            value=trial.name,
            next_step="Run penjing fit with the same task again: what was trained is used again",
        )
    chosen = read_manifest(run / BUNDLE_NAME)
    threads = (trial.latency or Budget()).threads
    known = {
        "quality": {"dev": trial.quality} if trial.quality else {},
        "verdict": trial.verdict,
        "trial": trial.name,
        "trials": chosen.trials,
        "task": chosen.task,
    }
    if chosen.kind == "generate":
        hand_over_text(
            trial,
            source / MODEL_NAME,
            folder,
            prompts=golden_prompts(run / BUNDLE_NAME),
            threads=threads,
            known={**known, "name": f"{chosen.task['name']}: {trial.name}", "origin": chosen.origin},
        )
        return
    if chosen.kind == "translate":
        hand_over_translator(
            source,
            folder,
            texts=[row.source for row in read_golden_rows(run / BUNDLE_NAME, GoldenTranslation)],
            threads=threads,
            known={**known, "name": f"{chosen.task['name']}: {trial.name}"},
        )
        return
    hand_over(
        trial,
        source,
        folder,
        golden=[row.source for row in read_golden(run / BUNDLE_NAME)],
        threads=threads,
        abstain_below=chosen.outputs.abstain_below,
        known=known,
    )
