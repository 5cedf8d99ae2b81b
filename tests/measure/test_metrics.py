import time

import numpy as np
import pytest
from hypothesis import given
from scipy.stats import binomtest
from sklearn import metrics as sk

from penjing.measure.metrics import class_scores, confusion, mcnemar_p, score, weighted_score
from penjing.measure.resample import unique_rows
from tests.measure.answers import multi_label, single_label

METRICS = ("accuracy", "macro_f1", "mcc")


def sklearn_mcc(truth, predicted):
    """0 where there is one label only, of which sklearn warns."""
    return sk.matthews_corrcoef(truth, predicted) if len({*truth, *predicted}) > 1 else 0.0


@given(single_label())
def test_single_label_metrics_are_those_of_sklearn(arrays):
    truth, predicted = arrays
    assert score("accuracy", truth, predicted) == pytest.approx(sk.accuracy_score(truth, predicted))
    assert score("macro_f1", truth, predicted) == pytest.approx(
        sk.f1_score(truth, predicted, average="macro", zero_division=0)
    )
    assert score("mcc", truth, predicted) == pytest.approx(sklearn_mcc(truth, predicted))


@given(multi_label())
def test_multi_label_metrics_are_those_of_sklearn(arrays):
    truth, predicted = arrays
    assert score("accuracy", truth, predicted) == pytest.approx(sk.accuracy_score(truth, predicted))
    assert score("macro_f1", truth, predicted) == pytest.approx(sk.f1_score(truth, predicted, average="macro"))
    each = [sklearn_mcc(truth[:, label], predicted[:, label]) for label in range(3)]
    assert score("mcc", truth, predicted) == pytest.approx(np.mean(each))


@pytest.mark.parametrize("metric", METRICS)
@given(single_label())
def test_a_weight_is_a_repetition(metric, arrays):
    truth, predicted = arrays
    weights = np.random.default_rng(len(truth)).integers(0, 4, size=(3, len(truth)))
    weights[:, 0] += 1
    found = weighted_score(metric, truth, predicted, weights)
    repeated = [score(metric, np.repeat(truth, row), np.repeat(predicted, row)) for row in weights]
    assert found == pytest.approx(repeated)


@pytest.mark.parametrize("metric", METRICS)
@given(multi_label())
def test_unique_rows_keep_every_metric(metric, arrays):
    truth, predicted = arrays
    rows = unique_rows([truth, predicted])
    assert rows.counts.sum() == len(truth)
    true, answered = rows.columns
    assert weighted_score(metric, true, answered, rows.counts[None])[0] == pytest.approx(
        score(metric, truth, predicted)
    )


def test_draws_are_resamples_of_n_items_and_repeat_with_the_seed():
    rows = unique_rows([np.array([0, 0, 1, 2, 2, 2])])
    first, again, other = (np.concatenate(list(rows.draws(seed=s, resamples=700))) for s in (1, 1, 2))
    assert first.shape == (700, 3)
    assert (first.sum(axis=1) == 6).all()
    assert (first == again).all()
    assert (first != other).any()
    assert first.mean(axis=0) == pytest.approx([2, 1, 3], abs=0.2)


def test_two_thousand_resamples_of_twenty_thousand_items_are_quick():
    generator = np.random.default_rng(0)
    rows = unique_rows(list(generator.integers(3, size=(3, 20_000))))
    true, answered, _ = rows.columns
    began = time.process_time()
    for weights in rows.draws(seed=0):
        weighted_score("macro_f1", true, answered, weights)
    assert time.process_time() - began < 1.0


@given(single_label())
def test_class_scores_and_confusion_are_those_of_sklearn(arrays):
    truth, predicted = arrays
    labels = range(5)
    expected = sk.precision_recall_fscore_support(truth, predicted, labels=list(labels), zero_division=0)
    found = class_scores(truth, predicted, labels=5)
    for label, one in enumerate(found):
        assert (one.precision, one.recall, one.f1, one.support) == pytest.approx([e[label] for e in expected])
    matrix = confusion(truth, predicted, labels=5)
    assert (matrix == sk.confusion_matrix(truth, predicted, labels=list(labels))).all()


@given(multi_label())
def test_multi_label_class_scores_are_those_of_sklearn(arrays):
    truth, predicted = arrays
    expected = sk.precision_recall_fscore_support(truth, predicted, zero_division=0)
    for label, one in enumerate(class_scores(truth, predicted, labels=3)):
        assert (one.precision, one.recall, one.f1, one.support) == pytest.approx([e[label] for e in expected])


@given(single_label(columns=3))
def test_mcnemar_is_the_exact_binomial_test(arrays):
    truth, a, b = arrays
    only_a = int(((a == truth) & (b != truth)).sum())
    only_b = int(((b == truth) & (a != truth)).sum())
    expected = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert mcnemar_p(truth, a, b) == pytest.approx(expected)


def test_mcnemar_counts_a_multi_label_answer_as_right_only_when_all_of_it_is():
    truth = np.ones((8, 2), bool)
    half = truth.copy()
    half[:, 1] = False
    assert mcnemar_p(truth, truth, half) == pytest.approx(2 / 2**8)
