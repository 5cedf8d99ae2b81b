"""Every size from one training: a whole run on the tiny task, and which sizes are picked."""

import json
import random

import onnx
import pytest

from penjing import fit, read_task
from penjing.bundle import read_manifest
from penjing.measure.latency_table import BlockTimes, LatencyTable
from penjing.recipe import Recipe
from penjing.search import quantization_aware
from penjing.search.elastic import Point, _polish_time, affordable, least_score, pick
from penjing.search.latency_table import _WARM_UP, CostTable, _mixed
from penjing.search.recipes import elastic_sizes, structures
from penjing.shrink.elastic import Sizes
from penjing.spec import Bar, Budget
from penjing.train.encoder import EncoderShape
from tests.search.test_reuse import Log
from tests.tiny_task import write_tiny_task

ELASTIC = {
    "recipe.students": "elastic",
    "recipe.layers": [2, 1],
    "recipe.heads": [1.0, 0.5],
    "recipe.ffn": [1.0, 0.5],
    "recipe.rank": 16,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elastic")
    task = read_task(write_tiny_task(folder), overrides=ELASTIC)
    return folder, fit(task, output=folder / "run", cache=folder / "cache")


def test_a_run_measures_every_size_and_delivers_a_polished_pick(finished):
    folder, result = finished
    assert not read_manifest(result.bundle).provisional
    points = [Point.model_validate(row) for row in json.loads((folder / "run" / "sizes.json").read_text("utf-8"))]
    assert len(points) == 8
    assert len({point.name for point in points}) == 8
    picked = {point.name for point in points} & {trial.name for trial in result.trials}
    assert 1 <= len(picked) <= 2
    small = [trial for trial in result.trials if trial.name in picked]
    assert all({"embeddings", "elastic", "polish"} <= {step.name for step in trial.recipe} for trial in small)
    teacher = next(trial for trial in result.trials if trial.role == "teacher")
    assert all(trial.quality.value >= teacher.quality.value - 0.3 for trial in small)


def test_picks_were_predicted_and_the_report_says_so(finished):
    _, result = finished
    predicted = [trial for trial in result.trials if trial.predicted_p50_s is not None]
    assert predicted
    assert all("int4" in trial.name and trial.predicted_p50_s > 0 for trial in predicted)
    assert result.report.read_text(encoding="utf-8").count("predicted ") >= len(predicted)


@pytest.mark.parametrize(("before", "kept"), [(2.0, False), (-1.0, True)])
def test_training_in_rounded_numbers_is_kept_only_where_it_is_better(finished, monkeypatch, before, kept):
    folder, _ = finished
    monkeypatch.setattr(quantization_aware, "_rounded_score", lambda *_: before)
    log = Log()
    task = read_task(folder / "task.toml", overrides=ELASTIC)
    result = fit(task, output=folder / "run", cache=folder / "cache", reporter=log)
    assert any(stage.endswith(", rounded") for stage in log.reused)
    polished = [{step.name for step in t.recipe} for t in result.trials if "polish" in {s.name for s in t.recipe}]
    assert polished
    assert all(("quantization-aware" in steps) == kept for steps in polished)


def test_a_changed_bar_trains_nothing_that_is_there(finished):
    folder, _ = finished
    log = Log()
    task = read_task(folder / "task.toml", overrides={**ELASTIC, "bar.confidence": 0.6})
    fit(task, output=folder / "run", cache=folder / "cache", reporter=log)
    assert log.reused["elastic, 8 sizes"]
    assert log.reused["sizes on dev"]
    assert log.reused["latency and memory"]


def test_embeddings_that_are_narrow_already_stay_as_they_are(finished):
    folder, _ = finished
    task = read_task(folder / "task.toml", overrides={**ELASTIC, "recipe.rank": 64, "recipe.layers": [1]})
    result = fit(task, output=folder / "wide", cache=folder / "cache")
    polished = [trial for trial in result.trials if any(step.name == "polish" for step in trial.recipe)]
    assert polished
    assert not any(step.name == "embeddings" for trial in polished for step in trial.recipe)


@pytest.mark.parametrize(
    ("bar", "least"),
    [
        ({"at_least": 0.88, "drop_at_most": 0.2}, 0.88),
        ({"at_least": 0.7, "drop_at_most": None}, 0.7),
        ({"drop_at_most": 0.01}, 0.89),
    ],
)
def test_a_pick_aims_at_the_tightest_limit_that_is_set(bar, least):
    assert least_score(Bar(**bar), teacher=0.9) == pytest.approx(least)


def point(compute, score):
    return Point(name=str(compute), blocks=(0,), heads=1, ffn=64, score=score, compute=compute)


def test_the_smallest_that_scores_enough_is_picked_with_the_next_better():
    points = [point(1, 0.7), point(2, 0.85), point(3, 0.84), point(4, 0.88), point(5, 0.9)]
    assert [p.compute for p in pick(points, least=0.84, count=2)] == [4, 2]
    assert [p.compute for p in pick(points, least=0.5, count=2)] == [2, 1]
    assert [p.compute for p in pick(points, least=0.99, count=2)] == [5, 4]
    assert [p.compute for p in pick(points[:1], least=0.99, count=2)] == [1]


SHAPE = EncoderShape(50, 24, 4, heads=(6,) * 6, ffn=(256,) * 6, positions=8, labels=2)


def costs():
    times = BlockTimes(heads=1, ffn=64, seconds=(1.0,))
    table = LatencyTable(lengths=(10,), fixed=(1.0,), blocks=(times,))
    return CostTable(latency=table, length=10, sizes={"1,64": (1000.0, 100.0)})


@pytest.mark.parametrize(
    ("budget", "left"),
    [
        ({}, [1, 2, 3]),
        ({"size": 1250}, [1, 2]),
        ({"latency_p50": 3.2, "size": 9999}, [1, 2]),
        ({"latency_p50": 2.0}, [1]),
        ({"size": 10}, [1]),
    ],
)
def test_sizes_that_would_break_the_budget_are_not_polished(budget, left):
    points = [point(count, 0.8).model_copy(update={"blocks": tuple(range(count))}) for count in (1, 2, 3)]
    assert [len(p.blocks) for p in affordable(points, costs(), Budget(**budget))] == left


@pytest.mark.parametrize(
    ("recipe", "sizes"),
    [
        ({}, Sizes((2, 3, 4, 5), (4, 6), (64, 128))),
        ({"layers": (3, 9)}, Sizes((3, 6), (6,), (256,))),
        ({"ffn": (0.5,)}, Sizes((6,), (6,), (128,))),
        ({"heads": (0.5, 0.5), "layers": (1,)}, Sizes((1,), (3,), (256,))),
    ],
)
def test_what_no_list_names_stays_whole(recipe, sizes):
    assert elastic_sizes(Recipe(**recipe), shape=SHAPE) == sizes
    if recipe:
        separate = structures(Recipe(**recipe), layers=6)
        assert {s.layers for s in separate} == set(sizes.layers)
        assert {round(s.heads * 6) for s in separate} == set(sizes.heads)


def test_separate_students_have_narrow_embeddings_too(finished):
    folder, _ = finished
    overrides = {"recipe.rank": 16, "recipe.heads": [1.0]}
    result = fit(read_task(folder / "task.toml", overrides=overrides), output=folder / "run", cache=folder / "cache")
    students = [trial for trial in result.trials if any(step.name == "distill" for step in trial.recipe)]
    assert len(students) == 4
    assert all(any(step.name == "embeddings" for step in trial.recipe) for trial in students)
    model = onnx.load(folder / "run" / students[-4].bundle / "model.onnx")
    sizes = {found.name: tuple(found.dims) for found in model.graph.initializer}
    assert sizes["words.weight"][1] == 16


def test_polishing_gets_the_time_that_scoring_leaves():
    assert _polish_time(100.0, 10.0) == 40.0
    assert _polish_time(100.0, 90.0) == 25.0


def test_without_a_table_every_size_may_be_polished():
    points = [point(1, 0.8), point(2, 0.9)]
    assert affordable(points, None, Budget(size=1)) == points


def test_the_limit_of_p95_holds_for_p50_too():
    points = [point(count, 0.8).model_copy(update={"blocks": tuple(range(count))}) for count in (1, 2, 3)]
    assert [len(p.blocks) for p in affordable(points, costs(), Budget(latency_p95=2.7))] == [1, 2]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_a_turn_of_the_latency_table_mixes_all_lengths(batch_size):
    buckets = [["a"], ["b", "bb"], ["c"]]
    turn = _mixed(buckets, random.Random(0), batch_size=batch_size)[_WARM_UP:]  # noqa: S311
    places = [place for place, _ in turn]
    assert {place: places.count(place) for place in range(3)} == {0: 8, 1: 8, 2: 8}
    assert places != sorted(places)
    assert all(len(batch) == batch_size and set(batch) <= set(buckets[place]) for place, batch in turn)
