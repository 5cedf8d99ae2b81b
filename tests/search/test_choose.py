import pytest

from penjing.errors import TaskError
from penjing.recipe import Recipe
from penjing.records import Interval, Latency, Quality, Trial, Verdict
from penjing.search.choose import Choice, broken_limits, choose, settled
from penjing.search.recipes import structures
from penjing.spec import Bar, Budget, make_task


def trial(name, *, p=0.9, size=100, p50=0.01, value=0.8, **changes):
    latency = Latency(
        p50_s=p50, p50_ci=Interval(low=p50 * 0.95, high=p50 * 1.05), p95_s=2 * p50, engine_p50_s=p50, n=9,
        batch_size=1, threads=2,
    )  # fmt: skip
    values = {
        "name": name,
        "role": "candidate",
        "recipe": (),
        "engine": "onnxruntime",
        "parameters": 1,
        "quality": Quality(metric="accuracy", value=value, ci=Interval(low=0.7, high=0.9), n=99, split="dev"),
        "verdict": Verdict(
            word="undecided", probability=p, drop=0.0, drop_ci=None, n=99, n_to_decide=None, split="dev"
        ),
        "size_bytes": size,
        "latency": latency,
        "memory_bytes": 10,
        "train_s": 1.0,
        "notes": (),
    }
    return Trial.model_validate(values | changes)


def test_the_fastest_that_meets_the_bar():
    trials = [trial("slow", p50=0.02), trial("fast"), trial("wrong", p50=0.001, p=0.2)]
    assert choose(trials, objective="latency", bar=Bar(), budget=Budget()).trial.name == "fast"


def test_among_equally_fast_the_smallest():
    trials = [trial("big", p50=0.0100), trial("small", p50=0.0103, size=50)]
    assert choose(trials, objective="latency", bar=Bar(), budget=Budget()).trial.name == "small"


def test_the_smallest_where_size_is_the_objective():
    trials = [trial("fast", p50=0.001), trial("small", size=5)]
    assert choose(trials, objective="size", bar=Bar(), budget=Budget()).trial.name == "small"


def test_among_equally_small_the_best():
    trials = [trial("worse", size=1000, value=0.70), trial("better", size=1010, value=0.75)]
    for objective in ("size", "latency"):
        assert choose(trials, objective=objective, bar=Bar(), budget=Budget()).trial.name == "better"


def test_of_two_that_are_as_good_the_smaller():
    trials = [trial("larger", size=1010), trial("smaller", size=1000)]
    assert choose(trials, objective="size", bar=Bar(), budget=Budget()).trial.name == "smaller"


def test_a_little_larger_is_larger():
    trials = [trial("small", size=1000, value=0.70), trial("better", size=1011, value=0.75)]
    assert choose(trials, objective="size", bar=Bar(), budget=Budget()).trial.name == "small"


def test_over_budget_or_failed_is_not_chosen():
    trials = [
        trial("over", p50=0.001, over_budget=("size 2 > 1",)),
        trial("failed", p50=0.001, failed="it"),
        trial("ok"),
    ]
    found = choose(trials, objective="latency", bar=Bar(), budget=Budget())
    assert (found.trial.name, found.met) == ("ok", True)


def test_none_meets_the_bar():
    found = choose([trial("far", p=0.0), trial("near", p=0.3)], objective="latency", bar=Bar(), budget=Budget())
    assert (found.trial.name, found.met) == ("near", False)
    assert "probability 0.30" in found.reason


def test_the_nearest_miss_is_the_one_least_over_the_budget():
    budget = Budget(size=100)
    trials = [trial("whole", p=1.0, size=900, value=0.9), trial("almost", p=0.7, size=103), trial("bad", p=0.0)]
    trials = [t.model_copy(update={"over_budget": broken_limits(t, budget)}) for t in trials]
    assert choose(trials, objective="latency", bar=Bar(), budget=budget).trial.name == "almost"


@pytest.mark.parametrize(
    ("budget", "broken"),
    [
        (Budget(), 0),
        (Budget(size=99), 1),
        (Budget(size=100), 0),
        (Budget(latency_p50=0.009, latency_p95=0.019, memory=9), 3),
    ],
)
def test_broken_limits(budget, broken):
    assert len(broken_limits(trial("x"), budget)) == broken


def test_what_was_not_measured_counts_as_broken():
    assert broken_limits(trial("x", latency=None), Budget(latency_p50=1)) == ("latency p50 not measured > 1.0 s",)


def test_structures_are_sorted_so_that_each_can_start_from_a_larger_one():
    found = structures(Recipe(layers=(2, 4), ffn=(0.25, 0.5)), layers=6)
    costs = [structure.cost() for structure in found]
    assert costs == sorted(costs, reverse=True)
    assert len(found) == 4
    assert not found[0].fits_in(found[1])


@pytest.mark.parametrize("layers", range(1, 25))
def test_default_structures_fit_every_depth(layers):
    assert structures(Recipe(students="none", layers=(2,)), layers=layers) == ()
    found = structures(Recipe(), layers=layers)
    assert found
    assert all(1 <= structure.layers <= layers for structure in found)


def test_elastic_students_are_for_texts():
    with pytest.raises(TaskError, match="is for texts"):
        make_task(name="x", kind="image", model="new", data={"source": "photos"}, recipe={"students": "elastic"})


def test_a_miss_on_dev_is_no_success_on_test():
    word = trial("x").verdict.model_copy(update={"word": "met", "probability": 1.0})
    near, far = (Choice(trial("x"), met, "") for met in (True, False))
    assert settled(word, near).word == "met"
    assert settled(word, far).word == "not met"
