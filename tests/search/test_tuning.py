"""Trials that Optuna proposes: what is proposed, what is kept, and that a second run trains none anew."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from penjing import fit, read_task
from penjing.search.models import Trained
from penjing.search.tuning import tuned
from tests.search.test_reuse import Log
from tests.tiny_task import write_tiny_task

STUDENT = Trained("1 layer", (), Path(), "key", 1.0, 0.1, 100, score=0.5)


def context(trials):
    return SimpleNamespace(task=SimpleNamespace(recipe=SimpleNamespace(trials=trials)), seed=3)


def trainer(score):
    """Return a function that trains nothing and remembers what it was asked for."""
    asked = []

    def train(name, variant):
        asked.append(variant)
        return replace(STUDENT, name=name, score=score(variant))

    return train, asked


def nearness(variant):
    return 1 - abs(math.log(variant.learning_rate / 4e-4))


def test_the_best_variant_is_kept_where_it_is_better():
    train, asked = trainer(nearness)
    (best,) = tuned(context(12), STUDENT, train)
    assert best.name == "1 layer, tuned"
    assert best.score == max(nearness(variant) for variant in asked) > STUDENT.score
    assert len({variant.learning_rate for variant in asked}) == 12


def test_nothing_is_kept_where_none_is_better():
    train, asked = trainer(lambda _: 0.5)
    assert tuned(context(3), STUDENT, train) == []
    assert len(asked) == 3


def test_the_same_scores_lead_to_the_same_proposals():
    first, again = trainer(nearness), trainer(nearness)
    tuned(context(12), STUDENT, first[0])
    tuned(context(12), STUDENT, again[0])
    assert first[1] == again[1]


def test_without_trials_nothing_is_trained():
    train, asked = trainer(nearness)
    assert tuned(context(0), STUDENT, train) == []
    assert asked == []


@pytest.mark.parametrize("students", ["separate", "elastic"])
def test_a_run_with_trials_is_used_again(tmp_path, students):
    overrides = {"recipe.trials": 2, "recipe.students": students}
    task = read_task(write_tiny_task(tmp_path), overrides=overrides)
    logs = [Log(), Log()]
    for log in logs:
        result = fit(task, output=tmp_path / "run", cache=tmp_path / "cache", reporter=log)
    trials = [stage for stage in logs[1].reused if "trial" in stage and "export" not in stage]
    assert len([stage for stage in trials if stage.endswith(("trial 1", "trial 2"))]) == 2
    assert all(logs[1].reused[stage] for stage in trials)
    assert {trial.name.removesuffix(", tuned") for trial in result.trials} >= {"1 layer, 50% FFN"}
