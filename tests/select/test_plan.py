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
from penjing.select.quality import relative_errors, strongest_of
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


def test_few_examples_widen_what_fine_tuning_may_give() -> None:
    few, many = (
        {one.name: one.quality for one in plan(examples=examples).candidates if one.way == "tuned"}
        for examples in (16, 20_000)
    )
    for name, quality in few.items():
        assert quality.high / quality.low > many[name].high / many[name].low


def test_an_api_is_advised_where_requests_are_few_and_not_where_they_are_many() -> None:
    few, many = (plan(requests=requests) for requests in (1000, 10**8))
    assert any(line.startswith("Call an API") for line in few.advice)
    assert any(line.startswith("Serve it yourself") for line in many.advice)
    assert few.api.break_even is not None
    assert 1000 < few.api.break_even.value < 10**8


def test_what_has_no_score_in_common_has_a_wider_range_and_no_advantage() -> None:
    models = [model for model in catalog_models() if "classify" in model.kinds and model.knows("zh")]
    found = relative_errors(models)
    measured, guessed = found["hfl/rbt3"][0], found["BAAI/bge-small-zh-v1.5"][0]
    assert measured.high / measured.low < guessed.high / guessed.low
    assert (measured.basis, guessed.basis) == ("measured", "assumed")
    assert "no benchmark in common" in found["BAAI/bge-small-zh-v1.5"][1]
    writers = relative_errors([model for model in catalog_models() if "generate" in model.kinds and model.knows("en")])
    assert writers["Qwen/Qwen3-1.7B"][0].value < writers["meta-llama/Llama-3.2-1B-Instruct"][0].value
    assert strongest_of(models).name in {"hfl/chinese-roberta-wwm-ext-large", "BAAI/bge-large-zh-v1.5"}
    assert relative_errors([]) == {}


def test_the_least_errors_are_one_and_the_reference_is_a_candidate() -> None:
    for kind, languages in (("classify", ("zh",)), ("generate", ("en",)), ("translate", ("en", "zh"))):
        found = plan(kind=kind, languages=languages)
        sure = [one for one in found.candidates if one.fits]
        assert min(one.quality.value for one in sure) == pytest.approx(1.0)
        assert found.reference in {one.name for one in sure}


def test_what_is_expected_to_break_a_limit_comes_last_and_says_so() -> None:
    found = plan(languages=("zh",), serve_on=find_device("pi5"), latency_s=0.02)
    fits = [one.fits for one in found.candidates]
    assert fits == sorted(fits, reverse=True)
    assert not all(fits)
    for one in found.candidates:
        assert one.fits == (one.time["answer"].value <= 0.02)
        assert one.fits or any("may not fit: answer" in reason for reason in one.reasons)


def test_n_grams_are_left_where_no_licence_will_do_and_nothing_else_breaks() -> None:
    assert [one.way for one in plan(uses=("research",)).candidates] == ["n-grams"]
    found = plan(kind="generate", tokens=300_000)
    assert not found.candidates
    assert "--explain says why" in found.advice[-1]


def test_one_machine_that_an_api_always_beats_has_no_break_even() -> None:
    dear = plan(kind="generate", serve_on=find_device("l4"), train_on=find_device("l4"))
    assert dear.api.break_even is None
    cheap = plan(languages=("zh",), serve_on=find_device("pi5"))
    assert cheap.api.break_even is not None
    at_ease = plan(languages=("zh",), serve_on=find_device("pi5"), requests=100_000_000)
    assert at_ease.api.break_even is not None
    assert at_ease.api.break_even.value == pytest.approx(cheap.api.break_even.value)


def test_machines_without_a_price_are_not_the_cheapest() -> None:
    tiny = find_device("pi5").model_copy(update={"memory": 1e7})
    found = plan(kind="generate", serve_on=tiny, train_on=tiny)
    (change,) = [one for one in found.changes if one.change.startswith("use ")]
    name = change.change.partition("--device ")[2].partition(" ")[0]
    assert name in PRICES.devices
    assert f"--train-on {name}" in change.change
    again = plan(kind="generate", serve_on=find_device(name), train_on=find_device(name))
    assert again.candidates


def test_pairs_of_one_s_own_are_used_and_count() -> None:
    asked = {"kind": "translate", "languages": ("en", "zh")}
    few, many = plan(**asked, examples=5_000), plan(**asked, examples=5_000_000)
    new = [next(one.quality.value for one in found.candidates if one.way == "new") for found in (few, many)]
    assert new[0] > 3 * new[1]
    assert any(one.way == "tuned" for one in few.candidates)
    assert any("start from a checkpoint" in line for line in few.advice)


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
    assert spoken_in(["味道很好"] * 19 + ["666"]) == ("zh",)
    assert pieces_of(["味道很好"]) < pieces_of(["The taste is very good"])
