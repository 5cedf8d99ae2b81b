"""Answers beside those that are expected: each metric, and verdicts on few of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.measure.answers import chrf, common_subsequence, exact_match, rouge_l, score_answers
from penjing.measure.scored import Scored, judge_scored, scored_quality
from penjing.measure.verdict import judge
from penjing.spec import ANSWER_METRICS, Bar


def slow_subsequence(one, other):
    table = np.zeros((len(one) + 1, len(other) + 1), int)
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            table[i + 1, j + 1] = table[i, j] + 1 if a == b else max(table[i, j + 1], table[i + 1, j])
    return table[-1, -1]


@given(st.text("abc盆"), st.text("abc盆"))
def test_the_common_subsequence_is_that_of_the_table(one, other):
    assert common_subsequence(one, other) == slow_subsequence(one, other)


@given(st.text(), st.text())
def test_scores_are_shares_and_the_same_text_has_all(one, other):
    for score in (exact_match, rouge_l, chrf):
        assert 0 <= score(one, other) <= 1
    assert exact_match(one, one) == rouge_l(one, one) == 1


@pytest.mark.parametrize("metric", ANSWER_METRICS)
def test_a_better_answer_scores_more(metric):
    found = score_answers(metric, ["请在三天内退货", "不知道"], ["请在三天内退货", "请在三天内退货"])
    assert found.amounts[0] == pytest.approx(1)
    assert found.amounts[1] < 0.5
    assert scored_quality(found, split="dev", seed=0).n == 2


def scored(values):
    return Scored("exact_match", np.asarray(values, float), np.ones(len(values)))


def test_few_answers_without_a_miss_prove_little():
    bar = Bar(metric="exact_match", drop_at_most=0.02)
    few, many = (judge_scored(bar, scored([1] * n), scored([1] * n), split="dev", seed=0) for n in (10, 300))
    assert few.probability < 0.5 < many.probability
    assert few.drop == 0.0


def test_a_drop_of_just_what_is_allowed_holds_as_it_does_for_accuracy():
    answers, right = np.array([0] * 11 + [1] * 89), np.array([0] * 10 + [1] * 90)
    bar = Bar(metric="exact_match", drop_at_most=0.01)
    found = judge_scored(bar, scored(answers), scored(right), split="dev", seed=0)
    truth = np.ones(100, np.int64)
    same = judge(Bar(drop_at_most=0.01), truth, answers, right, split="dev", seed=0)
    assert found.probability == pytest.approx(same.probability, abs=0.05)
    assert found.probability > 0.6


def test_graded_answers_that_are_the_same_are_no_worse():
    same = Scored("rouge_l", np.full(30, 0.7), np.ones(30)), Scored("rouge_l", np.full(30, 0.7), np.ones(30))
    assert judge_scored(Bar(metric="rouge_l", drop_at_most=0.01), *same, split="dev", seed=0).word == "met"


def test_all_matches_still_have_an_interval():
    ci = scored_quality(scored([1] * 20), split="dev", seed=0).ci
    assert ci.low < 0.9
    assert ci.high == pytest.approx(1)


def test_worse_answers_miss_the_bar():
    bar = Bar(metric="exact_match", drop_at_most=0.05)
    found = judge_scored(bar, scored([1, 0] * 50), scored([1] * 100), split="test", seed=0)
    assert found.word == "not met"
    assert found.drop == pytest.approx(0.5)
    assert judge_scored(bar, scored([1] * 100), scored([1, 0] * 50), split="test", seed=0).word == "met"


def test_an_absolute_bar_needs_no_teacher():
    bar = Bar(metric="exact_match", at_least=0.4, drop_at_most=None)
    assert judge_scored(bar, scored([1, 0] * 50), None, split="dev", seed=0).word == "met"
