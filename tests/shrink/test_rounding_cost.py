"""The curvature of a layer is what each text alone gives, whatever the batches and their padding."""

import numpy as np
import pytest
import torch

from penjing.data.passages import Passage
from penjing.search.text.context import piece_reader
from penjing.shrink.rounding_cost import curvatures
from penjing.train.causal import load_causal
from penjing.train.device import Device
from penjing.train.windows import cut_windows
from tests.shrink.small_model_gguf import write_small_model

CPU = Device("cpu", bfloat16=False)
LAYER = "model.layers.0.mlp.up_proj"


@pytest.fixture
def path(tmp_path):
    return write_small_model(tmp_path / "model.gguf")


@pytest.fixture
def windows(path):
    texts = ["the old pine in a pot", "the moon", "a river in the moon"]
    return cut_windows([Passage((), text) for text in texts], piece_reader(path), most=32)


def test_curvatures_are_those_of_each_text_alone(path, windows):
    found = curvatures(load_causal(path), [LAYER], windows, device=CPU)[LAYER]
    model, given, felt = load_causal(path), [], []

    def watch(layer, inputs, output):
        given.append(inputs[0][0].detach())
        output.register_hook(lambda gradient: felt.append(gradient[0]))

    dict(model.named_modules())[LAYER].register_forward_hook(watch)
    for place in range(len(windows)):
        ids, _ = windows.tokens.batch(np.array([place]))
        logits = model(ids).logits[0, :-1]
        torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum").backward()
    pieces = windows.tokens.lengths.sum()
    assert np.allclose(found.inputs, torch.cat(given).square().sum(0) / pieces, rtol=1e-3)
    assert np.allclose(found.outputs, torch.cat(felt).square().sum(0) / pieces, rtol=1e-3)
