"""What a plan promises: filters are hard, figures move the right way, and nothing is said without its reason."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.catalog.facts import catalog_devices, catalog_models, find_device, read_prices
from penjing.select.classify import NGRAMS
from penjing.select.need import Need, base_codes, pieces_of
from penjing.select.plan import Plan, make_plan
from penjing.select.quality import relative_error, strongest_of
from penjing.select.spoken import spoken_in

PRICES = read_prices()


def need(**values: Any) -> Need:
    said = {"kind": "classify", "languages": ("en",), "examples": 3000,
            "serve_on": find_device("cpu-4"), "train_on": find_device("cpu-8")}  # fmt: skip
    return Need.model_validate({**said, **values})


def plan(**values: Any) -> Plan:
    return make_plan(need(**values), PRICES)


def test_every_candidate_knows_the_language_and_every_other_model_says_why_not() -> None:
    found = plan(languages=("zh",))
    chosen = {candidate.name.split(",")[0] for candidate in found.candidates}
    rejected = {one.name: one.reasons for one in found.rejected}
    assert "hfl/rbt3" in chosen
    assert rejected["google-bert/bert-base-uncased"] == ("does not know zh: it knows en",)
    named = {name.split(",")[0] for name in (*chosen, *rejected)}
    assert {model.name for model in catalog_models() if "classify" in model.kinds} <= named


def test_research_licences_are_left_out_unless_asked_for() -> None:
    asked = {"kind": "translate", "languages": ("en", "zh")}
    names = lambda found: {candidate.name for candidate in found.candidates}  # noqa: E731
    assert not any("nllb" in name for name in names(plan(**asked)))
    assert any("nllb" in name for name in names(plan(**asked, uses=("free", "research"))))


@pytest.mark.parametrize("kind", ["classify", "generate", "translate"])
@pytest.mark.parametrize("device", sorted(catalog_devices()))
def test_every_device_gets_figures_with_ranges(kind: str, device: str) -> None:
    languages = ("en", "zh") if kind == "translate" else ("en",)
    found = plan(kind=kind, languages=languages, serve_on=find_device(device), train_on=find_device("h100"))
    assert found.candidates
    for candidate in found.candidates:
        figures = (candidate.quality, candidate.size, *candidate.memory.values(), *candidate.time.values(),
                   *candidate.cost.values())  # fmt: skip
        for figure in figures:
            assert 0 <= figure.low <= figure.value <= figure.high < 1e12
            assert figure.formula
        assert candidate.reasons
        assert candidate.memory["serve"].low <= find_device(device).memory


@settings(max_examples=20, deadline=None)
@given(tokens=st.integers(8, 256), more=st.integers(1, 256), examples=st.integers(100, 10**6))
def test_longer_texts_and_more_of_them_never_take_less(tokens: int, more: int, examples: int) -> None:
    asked = {"train_on": find_device("b200"), "serve_on": find_device("b200")}
    short, long = (plan(tokens=n, examples=examples, **asked) for n in (tokens, tokens + more))
    by_name = {candidate.name: candidate for candidate in long.candidates}
    for one in short.candidates:
        other = by_name[one.name]
        assert other.time["answer"].value >= one.time["answer"].value
        assert other.time["train"].value >= one.time["train"].value
        assert other.memory["train"].value >= one.memory["train"].value


def test_a_limit_rejects_with_both_numbers_and_the_cheapest_way_out_is_named() -> None:
    found = plan(size=100_000)
    assert not found.candidates
    assert any("100.0 kB is allowed" in reason for one in found.rejected for reason in one.reasons)
    assert found.changes[0].change.startswith("allow more: size")
    large = plan(kind="generate", serve_on=find_device("jetson-orin-nano"), languages=("zh",))
    assert any("memory of Jetson" in reason for one in large.rejected for reason in one.reasons)


def test_where_a_machine_is_too_small_the_cheapest_that_is_not_is_named() -> None:
    tiny = find_device("pi5").model_copy(update={"memory": 1e7, "title": "a tiny machine"})
    found = plan(serve_on=tiny, train_on=tiny)
    assert not found.candidates
    assert any(change.change.startswith("use ") and change.dollars_a_month for change in found.changes)


def test_groups_are_ordered_by_quality_and_inside_by_cost() -> None:
    found = plan().candidates
    assert [one.tie for one in found] == sorted(one.tie for one in found)
    for one, other in pairwise(found):
        if one.tie == other.tie:
            assert one.cost["month"].value <= other.cost["month"].value


def test_few_examples_put_a_frozen_encoder_before_a_tuned_one() -> None:
    names = {one.way: one.quality.value for one in reversed(plan(examples=16).candidates)}
    assert names["frozen"] < names["tuned"] < names["shrunk"]
    names = {one.way: one.quality.value for one in reversed(plan(examples=20_000).candidates)}
    assert names["tuned"] < names["frozen"]


def test_an_api_is_advised_where_requests_are_few_and_not_where_they_are_many() -> None:
    few, many = (plan(requests=requests) for requests in (1000, 10**8))
    assert any(line.startswith("Call an API") for line in few.advice)
    assert any(line.startswith("Serve it yourself") for line in many.advice)
    assert few.api.break_even is not None
    assert 1000 < few.api.break_even.value < 10**8


def test_what_has_no_score_in_common_has_a_wider_range() -> None:
    models = {model.name: model for model in catalog_models()}
    strongest = models["hfl/chinese-roberta-wwm-ext-large"]
    measured, _ = relative_error(models["hfl/rbt3"], strongest)
    guessed, says = relative_error(models["BAAI/bge-small-zh-v1.5"], strongest)
    assert measured.high / measured.low < guessed.high / guessed.low
    assert (measured.basis, guessed.basis) == ("measured", "assumed")
    assert "no benchmark in common" in says
    assert strongest_of(list(models.values())[:5]).name == strongest.name


def test_n_grams_are_always_there() -> None:
    for languages in (("zh",), ("th",), ("en", "zh")):
        assert any(one.way == NGRAMS.name for one in plan(languages=languages).candidates)


def test_an_encoder_has_no_keys_and_values_and_experts_count_in_memory() -> None:
    found = plan(kind="generate", languages=("zh",), serve_on=find_device("h200"), train_on=find_device("b200"))
    experts = next(one for one in found.candidates if "30B-A3B" in one.name and one.way == "Q8_0")
    dense = next(one for one in found.candidates if "Qwen3-8B" in one.name and one.way == "Q8_0")
    assert experts.size.value > 30e9
    assert experts.time["answer"].value < dense.time["answer"].value


def test_languages_are_read_and_seen() -> None:
    assert base_codes("zh-CN,English") == ("zh", "en")
    assert spoken_in(["味道很好"] * 9 + ["good"]) == ("zh", "en")
    assert pieces_of(["味道很好"], ("zh",)) < pieces_of(["The taste is very good"], ("en",))
