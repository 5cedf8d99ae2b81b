import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penjing.measure.verdict import judge, n_to_decide, verdict_word
from penjing.spec import Bar
from tests.measure.answers import classifier


def flipped(answers, *, rows):
    changed = answers.copy()
    changed[rows] = 1 - changed[rows]
    return changed


@pytest.fixture
def teacher():
    """Truth, and a teacher that is right on 900 of 1,000."""
    truth = np.tile([0, 1], 500)
    return truth, flipped(truth, rows=slice(900, 1000))


def test_the_teacher_meets_its_own_bar(teacher):
    truth, answers = teacher
    found = judge(Bar(drop_at_most=0.0), truth, answers, answers, split="dev", seed=1)
    assert (found.word, found.probability, found.drop, found.n) == ("met", 1.0, 0.0, 1000)
    assert (found.drop_ci.low, found.drop_ci.high) == (0, 0)
    assert found.n_to_decide is None


@pytest.mark.parametrize(("broken", "word"), [(0, "met"), (8, "undecided"), (40, "not met")])
def test_the_drop_decides(teacher, broken, word):
    truth, answers = teacher
    found = judge(Bar(drop_at_most=0.01), truth, flipped(answers, rows=slice(broken)), answers, split="dev", seed=1)
    assert found.word == word
    assert found.drop == pytest.approx(broken / 1000)
    assert found.drop_ci.low <= found.drop <= found.drop_ci.high
    assert (found.n_to_decide is not None) == (word == "undecided")


def test_flips_that_cancel_out_leave_the_drop_uncertain(teacher):
    truth, answers = teacher
    swapped = flipped(answers, rows=slice(860, 940))  # 40 broken, 40 mended
    found = judge(Bar(drop_at_most=0.01), truth, swapped, answers, split="dev", seed=1)
    assert found.drop == 0
    assert found.word == "undecided"
    assert found.drop_ci.high == pytest.approx(1.96 * np.sqrt(80) / 1000, rel=0.1)
    # the drop's standard error is 0.28/sqrt(n); 1.645 of them fit in the margin of 0.01 at about 2,160
    assert found.n_to_decide == pytest.approx(1.645**2 * 0.08 / 0.01**2, rel=0.1)


def test_a_drop_is_judged_on_the_same_resamples_as_the_teacher(teacher):
    truth, answers = teacher
    found = judge(Bar(drop_at_most=0.01), truth, flipped(answers, rows=[0, 1]), answers, split="dev", seed=1)
    assert found.drop_ci.high - found.drop_ci.low < 0.01  # unpaired it would be 0.05


def test_a_relative_drop_is_of_the_teachers_value(teacher):
    truth, answers = teacher
    broken = flipped(answers, rows=slice(20))
    judged = {
        drop: judge(Bar(drop_at_most=drop), truth, broken, answers, split="dev", seed=1).probability
        for drop in ("4%", 0.036, 0.04)
    }
    assert judged["4%"] == pytest.approx(judged[0.036], abs=0.01)
    assert judged["4%"] < judged[0.04]


def test_both_limits_must_hold_together(teacher):
    truth, answers = teacher
    floor, drop = Bar(at_least=0.89, drop_at_most=None), Bar(drop_at_most=0.01)
    both = Bar(at_least=0.89, drop_at_most=0.01)
    broken = flipped(answers, rows=slice(6))
    each = [judge(bar, truth, broken, answers, split="dev", seed=1).probability for bar in (floor, drop)]
    joint = judge(both, truth, broken, answers, split="dev", seed=1).probability
    assert sum(each) - 1 <= joint <= min(each)
    assert joint < min(each)


def test_without_a_teacher_only_at_least_is_judged(teacher):
    truth, answers = teacher
    found = judge(Bar(at_least=0.8), truth, answers, None, split="test", seed=1)
    assert (found.word, found.drop, found.drop_ci, found.split) == ("met", None, None, "test")
    assert judge(Bar(at_least=0.95), truth, answers, None, split="test", seed=1).word == "not met"


@pytest.mark.parametrize(("n", "word"), [(20, "not met"), (2000, "met")])
def test_few_examples_without_a_miss_prove_little(n, word):
    truth = np.tile([0, 1], n // 2)
    assert judge(Bar(drop_at_most=0.01), truth, truth.copy(), truth, split="dev", seed=1).word == word
    assert judge(Bar(at_least=0.99, drop_at_most=None), truth, truth, None, split="dev", seed=1).word == word
    several = np.stack([truth, 1 - truth], axis=1).astype(bool)
    assert judge(Bar(drop_at_most=0.01), several, several.copy(), several, split="dev", seed=1).word == word


@pytest.mark.parametrize("metric", ["macro_f1", "mcc", "accuracy"])
def test_the_assumed_miss_does_not_depend_on_the_order_of_labels(metric):
    truth = np.repeat([0, 1, 2], [400, 180, 20])
    bar = Bar(metric=metric, drop_at_most=0.02)
    renamed = [np.array(names)[truth] for names in ([0, 1, 2], [2, 1, 0], [1, 2, 0])]
    found = [judge(bar, names, names.copy(), names, split="dev", seed=1) for names in renamed]
    assert {verdict.word for verdict in found} == {"met"}
    assert len({round(verdict.probability, 3) for verdict in found}) == 1


def test_of_many_labels_one_is_assumed_to_be_missed():
    generator = np.random.default_rng(4)
    truth = generator.random((500, 28)) < 0.05
    bar = Bar(metric="macro_f1", drop_at_most=0.02)
    student = truth.copy()
    label = truth.sum(axis=0).argmax()
    student[truth[:, label].argmax(), label] = False
    without, with_one = (judge(bar, truth, answers, truth, split="dev", seed=1) for answers in (truth.copy(), student))
    assert without.word == with_one.word == "met"
    assert without.probability >= with_one.probability - 0.01


def test_a_miss_is_assumed_where_there_is_one_class_only():
    truth = np.zeros(20, int)
    assert judge(Bar(drop_at_most=0.01), truth, truth.copy(), truth, split="dev", seed=1).word == "not met"


def test_what_was_not_measured_is_not_met(teacher):
    truth, answers = teacher
    assert judge(Bar(drop_at_most=0.5), truth, answers, None, split="dev", seed=1).word == "not met"
    none = truth[:0]
    assert judge(Bar(drop_at_most=0.5), none, none, none, split="dev", seed=1).word == "not met"


def test_strict_confidence_leaves_nothing_undecided(teacher):
    truth, answers = teacher
    broken = flipped(answers, rows=slice(8))
    found = judge(Bar(drop_at_most=0.01, confidence="strict"), truth, broken, answers, split="dev", seed=1)
    assert 0.5 < found.probability < 0.95
    assert found.word == "not met"


@pytest.mark.parametrize("metric", ["macro_f1", "mcc"])
def test_multi_label_answers_are_judged(metric):
    generator = np.random.default_rng(2)
    truth = generator.random((400, 3)) < 0.4
    noise = generator.random((400, 3))
    teacher, worse = truth ^ (noise < 0.05), truth ^ (noise < 0.25)
    bar = Bar(metric=metric, drop_at_most=0.05)
    assert judge(bar, truth, teacher, teacher, split="dev", seed=1).word == "met"
    assert judge(bar, truth, worse, teacher, split="dev", seed=1).word == "not met"


@pytest.mark.parametrize(
    ("probability", "confidence", "word"),
    [
        (0.95, 0.5, "met"),
        (0.949, 0.5, "undecided"),
        (0.5, 0.5, "undecided"),
        (0.499, 0.5, "not met"),
        (0.96, 0.99, "not met"),
        (0.99, 0.99, "met"),
    ],
)
def test_words_at_their_limits(probability, confidence, word):
    assert verdict_word(probability, confidence=confidence) == word


def test_more_examples_do_not_help_where_there_is_no_margin():
    assert n_to_decide(np.array([-0.01, 0.0, 0.005]), n=100) is None
    assert n_to_decide(np.array([0.0099, 0.01, 0.0101]), n=100) == 101
    assert n_to_decide(np.array([-0.05, 0.0, 0.05001]), n=1000) is None  # billions: as good as never


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), drop=st.floats(0, 0.2), more=st.floats(0, 0.2))
def test_a_wider_bar_is_never_less_probable(seed, drop, more):
    truth, teacher = classifier(80, accuracy=0.9, seed=seed)
    _, student = classifier(80, accuracy=0.85, seed=seed)
    tight, wide = (
        judge(Bar(drop_at_most=allowed), truth, student, teacher, split="dev", seed=seed).probability
        for allowed in (drop, drop + more)
    )
    assert tight <= wide
