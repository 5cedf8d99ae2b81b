"""A head that starts from a linear probe answers as the probe does."""

import numpy as np
import pytest
import torch

from penjing.train.batches import from_rows
from penjing.train.device import Device
from penjing.train.encoder import Encoder, EncoderShape
from penjing.train.predict import logits_of
from penjing.train.probe import probed

CPU = Device("cpu", bfloat16=False)


def setting(labels):
    """Texts whose first piece says the label, and a model of chance."""
    torch.manual_seed(0)
    shape = EncoderShape(40, 16, 8, heads=(2,), ffn=(64,), positions=8, labels=labels)
    generator = np.random.default_rng(0)
    truth = np.arange(96) % labels
    rows = [np.array([1, 4 + label, *generator.integers(20, 40, 3), 2], np.int32) for label in truth]
    return Encoder(shape), from_rows(rows, pad_id=0), truth


@pytest.mark.parametrize("labels", [2, 5])
def test_the_head_answers_before_any_step_of_training(labels):
    model, tokens, truth = setting(labels)
    before = (logits_of(model, tokens, device=CPU).argmax(1) == truth).mean()
    after = (
        logits_of(probed(model, tokens, truth, multi_label=False, device=CPU), tokens, device=CPU).argmax(1) == truth
    )
    assert after.mean() > max(0.9, before)


def test_several_labels_at_once_where_one_never_occurs():
    model, tokens, first = setting(3)
    truth = np.stack([first == 0, first != 1, np.zeros_like(first)], axis=1).astype(np.int64)
    found = logits_of(probed(model, tokens, truth, multi_label=True, device=CPU), tokens, device=CPU)
    assert ((found[:, :2] > 0) == truth[:, :2]).mean() > 0.9
    assert np.isfinite(found).all()
