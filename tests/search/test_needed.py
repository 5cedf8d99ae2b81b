"""Students are not trained where the linear baseline would be chosen before any of them."""

import pytest

from penjing import fit, read_task
from penjing.search import needed
from penjing.search.evaluate import Timing
from tests.tiny_task import write_tiny_task

ANY_SIZES = {"recipe.layers": [], "recipe.ffn": []}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("needed")
    write_tiny_task(folder)
    return folder


def names(folder, **overrides):
    task = read_task(folder / "task.toml", overrides={"objective": "size", **overrides})
    result = fit(task, output=folder / "run", cache=folder / "cache")
    return result, [trial.name for trial in result.trials]


def test_no_student_is_trained_where_linear_meets_the_bar_and_is_smaller(folder, monkeypatch):
    monkeypatch.setattr(needed, "folder_size", lambda path: 10**9)
    result, found = names(folder, **ANY_SIZES)
    assert not [name for name in found if "layer" in name]
    assert "students were not trained" in result.report.read_text(encoding="utf-8")


def test_sizes_that_the_recipe_names_are_trained(folder):
    _, found = names(folder)
    assert "1 layer, 50% FFN" in found


def test_students_are_trained_where_the_smallest_is_better_by_the_objective(folder, monkeypatch):
    monkeypatch.setattr(needed, "folder_size", lambda path: 1)
    _, found = names(folder, **ANY_SIZES)
    assert [name for name in found if "layer" in name]


def test_students_are_trained_where_linear_is_over_the_budget(folder):
    _, found = names(folder, **ANY_SIZES, **{"budget.memory": "1 MB"})
    assert [name for name in found if "layer" in name]


def test_students_are_trained_where_the_smallest_cannot_be_timed(folder, monkeypatch):
    failed = Timing(None, None, "no such engine")
    monkeypatch.setattr(needed, "timings", lambda context, candidates, title: {c.name: failed for c in candidates})
    _, found = names(folder, **ANY_SIZES)
    assert [name for name in found if "layer" in name]
