import pytest

from penjing.report import RunReport, render
from penjing.spec import Bar, Budget
from tests.report.parts import latency, review_trials, verdict
from tests.report.reading import Page
from tests.report.sample import banking, missed, reviews


def english(run: RunReport) -> str:
    return " ".join(Page(render(run)).all_text().replace("\u202f", " ").replace("\xa0", " ").split())


def with_teacher_latency(ms: float) -> RunReport:
    trials = (t.model_copy(update={"latency": latency(ms)}) if t.role == "teacher" else t for t in review_trials())
    return reviews(trials=tuple(trials))


def test_the_answer_is_one_sentence_with_every_figure() -> None:
    text = english(reviews())
    assert "is the choice, and it is undecided whether it meets the bar: 8.1 MB, 2.13 ms an answer" in text
    assert "accuracy 86.1 % [84.4, 87.7] on test. It is 58× smaller and 12× faster than the teacher." in text
    assert "On 1,737 test examples, the probability that the bar holds is 81 %." in text
    assert "About 5,600 examples would decide it." in text


def test_no_speed_up_is_claimed_while_intervals_overlap() -> None:
    text = english(with_teacher_latency(2.2))
    assert "12× faster than the teacher" not in text
    assert "no speed-up claimed: the intervals overlap" in text
    assert "It is 58× smaller than the teacher." in text


def test_a_slower_choice_is_called_slower() -> None:
    assert "2.1× slower than the teacher" in english(with_teacher_latency(1.0))


def test_a_met_bar_and_a_missed_one_are_said_plainly() -> None:
    assert "meets the bar: 104.4 MB" in english(banking())
    late = reviews(verdict=verdict("not met", 0.02, 0.03, split="test"))
    assert "was chosen on dev and does not meet the bar on test" in english(late)


def test_where_nothing_passes_the_nearest_miss_is_named() -> None:
    text = english(missed())
    assert "No trial meets the bar within the budget. The nearest miss is l6-f1/2 :" in text
    assert "The gap: l6-f1/2 misses by 0.092" in text
    assert "There is no verdict on test" in text


def test_where_nothing_was_measured_the_page_still_reads() -> None:
    failed = tuple(
        t.model_copy(
            update={
                "failed": "no disk",
                "quality": None,
                "size_bytes": None,
                "latency": None,
                "verdict": None,
            }
        )
        for t in review_trials()
    )
    run = missed().model_copy(update={"trials": failed, "nearest": None})
    assert "No trial could be measured." in english(run)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("l3-f1/2", "The linear baseline met the bar or beat the teacher."),
        ("linear", "The choice is the linear baseline"),
    ],
)
def test_the_linear_baseline_is_named_at_the_top_when_it_wins(chosen: str, said: str) -> None:
    text = english(reviews(chosen=chosen))
    assert said in text.split("Contents")[0].split("The frontier")[0]
    assert "It may not. The linear baseline ( linear : a linear model of n-grams" in text


def test_a_losing_baseline_is_not_named_at_the_top() -> None:
    text = english(reviews(baseline_wins=False))
    assert "met the bar or beat the teacher" not in text
    assert "On this data, yes." in text


def test_what_was_asked_for_is_said_in_words() -> None:
    bar = Bar(at_least=0.8, drop_at_most="1%", confidence=0.95)
    budget = Budget(size="20 MB", latency_p50="5 ms", latency_p95="9 ms", memory="1 GB", train_time="10 min")
    text = english(reviews(bar=bar, budget=budget))
    assert "accuracy at least 80 %; accuracy at most 1% (relative) below the teacher; size at most 20 MB" in text
    assert "median latency at most 5 ms; p95 latency at most 9 ms; memory at most 1 GB" in text
    assert "Probability required: at least 95 %. Among those that pass, the fastest." in text


def test_the_teacher_as_choice_claims_nothing() -> None:
    assert "It is the teacher itself, uncompressed." in english(reviews(chosen="teacher"))
