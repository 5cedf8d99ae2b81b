"""More trainings of one student, with other learning rates and losses: Optuna proposes them by what the last scored.

Each training is a stage, and what is proposed depends on the seed and the scores alone; so a run that was killed
proposes the same again, finds it trained, and goes on.

Source: Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization" (the tree-structured Parzen estimator).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from penjing.search.context import Context
from penjing.search.models import Trained
from penjing.train.distill import Distillation


@dataclass(frozen=True, slots=True)
class Variant:
    """How a student learns."""

    learning_rate: float = 2e-4
    loss: Distillation = field(default_factory=Distillation)


DEFAULT = Variant()


def tuned(context: Context, student: Trained, train: Callable[[str, Variant], Trained]) -> list[Trained]:
    """Return the best of `recipe.trials` variants of `student`, where it scores more on dev than that; else nothing.

    `train` trains the variant under the name that it is given.
    """
    count = context.task.recipe.trials
    if not count:
        return []
    study = _study(student, seed=context.seed)
    found = []
    for number in range(1, count + 1):
        trial = study.ask(_space())
        found.append(train(f"{student.name}, trial {number}", variant_of(trial.params)))
        study.tell(trial, found[-1].score)
    best = max(found, key=lambda trained: trained.score)
    name = f"{student.name}, tuned"
    return [replace(best, name=name)] if best.score > student.score else []


def variant_of(values: Mapping[str, Any]) -> Variant:
    """Return the variant with these values.

    >>> variant_of({"learning_rate": 1e-4, "temperature": 2.0, "hidden": 0.5}).learning_rate
    0.0001
    """
    loss = Distillation(temperature=values["temperature"], hidden=values["hidden"])
    return Variant(learning_rate=values["learning_rate"], loss=loss)


def _study(student: Trained, *, seed: int) -> Any:
    """Return a study that knows what the student scored with the default values."""
    optuna = _optuna()
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    values = {
        "learning_rate": DEFAULT.learning_rate,
        "temperature": DEFAULT.loss.temperature,
        "hidden": DEFAULT.loss.hidden,
    }
    study.add_trial(optuna.trial.create_trial(params=values, distributions=_space(), value=student.score))
    return study


def _space() -> dict[str, Any]:
    of = _optuna().distributions.FloatDistribution
    return {
        "learning_rate": of(5e-5, 8e-4, log=True),
        "temperature": of(1.0, 5.0, step=0.5),
        "hidden": of(0.0, 2.0, step=0.25),
    }


def _optuna() -> ModuleType:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
