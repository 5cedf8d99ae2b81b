"""The moments of what layers are given are those that a hook which keeps everything sees."""

import numpy as np
import torch

from penjing.data.passages import Passage
from penjing.search.text.context import piece_reader
from penjing.shrink.input_moments import input_moments
from penjing.train.causal import load_causal
from penjing.train.device import Device
from penjing.train.windows import cut_windows
from tests.shrink.small_model_gguf import write_small_model

LAYERS = ["model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.v_proj", "model.layers.1.mlp.down_proj"]


def test_padding_is_not_counted_and_layers_that_read_the_same_share(tmp_path):
    path = write_small_model(tmp_path / "model.gguf", blocks=2)
    texts = [Passage((), text) for text in ("the old pine in a pot", "the moon", "a river")]
    windows = cut_windows(texts, piece_reader(path), most=32)
    found = input_moments(load_causal(path), LAYERS, windows, device=Device("cpu", bfloat16=False))
    assert found[LAYERS[0]] is found[LAYERS[1]]

    model, seen = load_causal(path), []
    dict(model.named_modules())[LAYERS[2]].register_forward_pre_hook(lambda layer, given: seen.append(given[0][0]))
    for place in range(3):
        ids, _ = windows.tokens.batch(np.array([place]))
        with torch.inference_mode():
            model(ids)
    alone = torch.cat(seen).numpy()
    assert np.allclose(found[LAYERS[2]], alone.T @ alone / len(alone), rtol=1e-3, atol=1e-3)
