"""Published figures, each with its source and the tolerance a good estimate meets."""

from __future__ import annotations

import pytest

from benchmarks.estimates import DECODE, DOCUMENT, decode_assumed, decode_fitted, estimated, facts, model, render
from penjing.estimate.inference import kv_bytes
from penjing.estimate.memory import Fitting, training_memory


@pytest.mark.parametrize("fact", facts(), ids=lambda fact: f"{fact['what']}-{fact.get('model', '')}")
def test_an_estimate_meets_what_was_published(fact):
    assert estimated(fact) == pytest.approx(fact["published"], rel=fact["tolerance"] or 1e-12)


def test_an_encoder_keeps_nothing_of_a_token():
    assert kv_bytes(model("bert-base-uncased"), tokens=512) == 0


def test_an_empty_process_on_a_gpu():  # Hugging Face, model_memory_anatomy
    parts = training_memory(model("bert-large-uncased"), Fitting(batch=4, tokens=512))
    assert parts["runtime"].value == pytest.approx(1_343 * 2**20, rel=0.10)


def test_tokens_a_second_fitted_and_left_out():
    errors = [abs(decode_fitted(name) / measured - 1) for name, measured in DECODE.items()]
    assert sum(errors) / len(errors) <= 0.10


def test_tokens_a_second_where_nothing_was_measured():
    errors = [abs(decode_assumed(name) / measured - 1) for name, measured in DECODE.items()]
    assert sum(errors) / len(errors) <= 0.25


def test_the_table_is_that_of_these_estimates():
    assert DOCUMENT.read_text(encoding="utf-8") == render(), "run: python -m benchmarks.estimates"
