"""The linear baseline: what was trained is what the file answers, in few bytes."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from penjing.engines.linear import LinearEngine
from penjing.engines.ngrams import NgramEncoder
from penjing.train.linear import train_linear

WORDS = {0: ["refund", "money back"], 1: ["card lost", "stolen"], 2: ["rate", "exchange"], 3: ["pin", "blocked"]}


def rows(classes, *, seed, count=60):
    generator = np.random.default_rng(seed)
    truth = np.arange(count) % classes
    noise = ["please", "my", "the", "hello", "now", "why"]
    texts = [" ".join([*generator.choice(noise, 3), generator.choice(WORDS[label])]) for label in truth]
    return texts, truth


def trained(tmp_path, classes):
    texts, truth = rows(classes, seed=0)
    dev = rows(classes, seed=1)
    return train_linear(texts, truth, dev=dev, multi_label=False, metric="accuracy", folder=tmp_path), dev


def answers(found, texts):
    engine = LinearEngine(found.file)
    return engine.run(NgramEncoder.from_settings(found.input).encode(texts))


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_the_file_answers_as_the_model_was_judged_on_dev(tmp_path, classes):
    found, (texts, truth) = trained(tmp_path, classes)
    accuracy = float((answers(found, texts).argmax(axis=1) == truth).mean())
    assert accuracy == pytest.approx(found.values["dev"], abs=1e-4)
    assert accuracy > 0.9


def test_several_labels_at_once(tmp_path):
    texts, first = rows(3, seed=0)
    truth = np.stack([first == 0, first != 1, first == 2], axis=1).astype(np.int64)
    found = train_linear(texts, truth, dev=(texts, truth), multi_label=True, metric="macro_f1", folder=tmp_path)
    assert ((answers(found, texts) > 0) == truth).mean() > 0.95


def test_only_n_grams_that_decide_are_kept(tmp_path):
    found, _ = trained(tmp_path, 4)
    tensors = load_file(found.file)
    assert tensors["weight"].dtype == np.int8
    assert len(tensors["buckets"]) == len(tensors["weight"]) < NgramEncoder().buckets / 100
    assert (np.diff(tensors["buckets"].astype(np.int64)) > 0).all()
    assert found.file.stat().st_size < 50_000
    assert json.dumps(found.values)


def test_a_text_without_a_known_n_gram_is_answered_by_the_bias(tmp_path):
    found, _ = trained(tmp_path, 3)
    tensors = load_file(found.file)
    np.testing.assert_allclose(answers(found, ["盆景", ""]), [tensors["bias"]] * 2)
