"""Fewer blocks: those that stay are the same bytes, and the least influential ones go."""

import numpy as np
import pytest
import torch

from penjing.data.passages import Passage
from penjing.errors import ModelError
from penjing.gguf.file import Stored, open_gguf
from penjing.search.text.context import piece_reader
from penjing.shrink.block_influence import block_influences
from penjing.shrink.gguf_depth import drop_blocks
from penjing.train.causal import load_causal
from penjing.train.device import Device
from penjing.train.windows import cut_windows
from tests.shrink.small_model_gguf import write_small_model

CPU = Device("cpu", bfloat16=False)


@pytest.fixture
def path(tmp_path):
    return write_small_model(tmp_path / "model.gguf", blocks=3)


def windows(path):
    return cut_windows([Passage((), "the old pine in a pot"), Passage((), "the moon")], piece_reader(path), most=32)


def test_blocks_that_stay_are_the_same_under_new_numbers(path, tmp_path):
    before = open_gguf(path)
    drop_blocks(before, tmp_path / "less.gguf", [1], tensors={})
    after = open_gguf(tmp_path / "less.gguf")
    assert after.value("llama.block_count") == 2
    assert len(after.tensors) == len(before.tensors) - 9
    for new, old in ((0, 0), (1, 2)):
        name = "attn_q.weight"
        kept, was = after.stored(f"blk.{new}.{name}").data, before.stored(f"blk.{old}.{name}").data
        assert np.array_equal(kept, was)
    assert len(load_causal(tmp_path / "less.gguf").base_model.layers) == 2


def test_a_block_that_does_nothing_has_no_influence(path, tmp_path):
    file = open_gguf(path)
    nothing = Stored(np.zeros((64, 64), np.float32), "F32")
    silent = {f"blk.1.{name}.weight": nothing for name in ("attn_output", "ffn_down")}
    drop_blocks(file, tmp_path / "silent.gguf", [], tensors=silent)
    influences = block_influences(load_causal(tmp_path / "silent.gguf"), windows(path), device=CPU)
    assert influences.argmin() == 1
    assert influences[1] == pytest.approx(0, abs=1e-5)
    assert (influences[[0, 2]] > 1e-3).all()


def test_a_block_that_does_nothing_can_go_unnoticed(path, tmp_path):
    nothing = Stored(np.zeros((64, 64), np.float32), "F32")
    silent = {f"blk.1.{name}.weight": nothing for name in ("attn_output", "ffn_down")}
    drop_blocks(open_gguf(path), tmp_path / "silent.gguf", [], tensors=silent)
    drop_blocks(open_gguf(path), tmp_path / "less.gguf", [1], tensors={})
    ids = torch.tensor([[1, 270, 275, 280]])
    logits = [load_causal(tmp_path / name)(ids).logits for name in ("silent.gguf", "less.gguf")]
    assert torch.allclose(*logits, atol=1e-5)


def test_one_block_stays_and_gemmas_all_do(path, tmp_path):
    file = open_gguf(path)
    with pytest.raises(ModelError, match="needs a block"):
        drop_blocks(file, tmp_path / "none.gguf", [0, 1, 2], tensors={})
    gemma = type(file)(file.path, "gemma3", file.fields, file.tensors)
    with pytest.raises(ModelError, match="not alike"):
        drop_blocks(gemma, tmp_path / "none.gguf", [0], tensors={})
    assert not (tmp_path / "none.gguf").exists()
