import numpy as np
import pytest
import torch

from penjing.train.device import Device
from penjing.train.predict import logits_of
from penjing.train.probe import probe_head
from tests.train.tiny import separable, tiny_encoder

CPU = Device("cpu", bfloat16=False)


def probed(model, tokens, truth, *, multi_label=False, time_limit_s=60.0):
    return probe_head(model, tokens, truth, multi_label=multi_label, device=CPU, time_limit_s=time_limit_s, seed=0)


@pytest.fixture(scope="module")
def data():
    tokens, truth = separable(400)
    return tokens, np.asarray(truth)


def accuracy(model, tokens, truth):
    return float((logits_of(model, tokens, device=CPU).argmax(axis=1) == truth).mean())


def test_a_head_of_chance_learns_from_an_encoder_that_does_not_change(data):
    tokens, truth = data
    model = tiny_encoder(labels=int(truth.max()) + 1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert probed(model, tokens, truth) == 400
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"head.weight", "head.bias"}
    assert accuracy(model, tokens, truth) > 0.9


def test_a_label_that_was_not_seen_is_less_likely_than_all_others(data):
    tokens, truth = data
    model = tiny_encoder(labels=int(truth.max()) + 3)
    probed(model, tokens, truth)
    logits = logits_of(model, tokens, device=CPU)
    assert accuracy(model, tokens, truth) > 0.9
    assert not np.isin(logits.argmax(axis=1), [truth.max() + 1, truth.max() + 2]).any()


def test_three_labels(data):
    tokens, truth = data
    three = truth + (tokens.lengths > np.median(tokens.lengths)) * truth
    model = tiny_encoder(labels=3)
    probed(model, tokens, three)
    assert accuracy(model, tokens, three) > max(np.bincount(three)) / len(three)


def test_several_labels_a_text(data):
    tokens, truth = data
    several = np.stack([truth == 0, truth == 1, np.zeros(len(truth))], axis=1).astype(bool)
    model = tiny_encoder(labels=3)
    probed(model, tokens, several, multi_label=True)
    found = logits_of(model, tokens, device=CPU) > 0
    assert (found == several).mean() > 0.9


def test_one_label_only_leaves_the_head_as_it_is(data):
    tokens, truth = data
    model = tiny_encoder(labels=2)
    before = model.head.weight.clone()
    probed(model, tokens, np.zeros_like(truth))
    assert torch.equal(model.head.weight, before)


def test_without_time_it_is_the_first_few_texts(data):
    tokens, truth = data
    assert probed(tiny_encoder(labels=2), tokens, truth, time_limit_s=0.0) == 64
