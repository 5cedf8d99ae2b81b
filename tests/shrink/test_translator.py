"""Translators cut out of larger ones: what is left out is what was not needed, and the rest answers as before."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import M2M100Config, M2M100ForConditionalGeneration, MarianConfig, MarianMTModel

from penjing.shape import Shape
from penjing.shrink.translator import SIDES, can_cut, cut, keep_blocks
from penjing.train.batches import from_rows
from penjing.train.device import Device
from penjing.train.seq2seq import PairModel, PairRows, load_seq2seq, save_seq2seq

CPU = Device("cpu", bfloat16=False)
END, PAD, PIECES = 2, 1, 40
WHOLE = Shape(width=32, encoder=3, decoder=2, ffn=64)
SMALL = Shape(width=32, encoder=2, decoder=1, ffn=32)
SIZES = {
    "d_model": 32, "encoder_layers": 3, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "vocab_size": PIECES, "pad_token_id": PAD, "eos_token_id": END,
    "bos_token_id": 0, "decoder_start_token_id": 0, "max_position_embeddings": 32, "dropout": 0.0,
}  # fmt: skip


@pytest.fixture(params=["m2m", "marian"])
def model(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(1)
    if request.param == "m2m":
        made: Any = M2M100ForConditionalGeneration(M2M100Config(**SIZES, encoder_layerdrop=0.0, decoder_layerdrop=0.0))
    else:
        made = MarianMTModel(MarianConfig(**SIZES, decoder_vocab_size=PIECES, activation_function="swish"))
    for value in made.parameters():
        if value.ndim > 1 and value.requires_grad:  # Marian's positions are given
            torch.nn.init.normal_(value, 0, 0.3)
    return made.eval()


@pytest.fixture(scope="module")
def rows() -> PairRows:
    draw = np.random.default_rng(0)
    sources, targets = (
        [np.array([*draw.integers(5, PIECES, draw.integers(3, 9)), END], np.int32) for _ in range(24)] for _ in range(2)
    )
    both = [np.concatenate(pair) for pair in zip(sources, targets, strict=True)]
    return PairRows(from_rows(both, pad_id=PAD), np.array([len(row) for row in sources], np.int64))


def logits(model: Any, rows: PairRows) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = PairModel(model, rows).eval()(*rows.tokens.batch(np.arange(len(rows.tokens))))[0]
    return found


def own_translations(model: Any) -> PairRows:
    """Return sources of one length and what the model itself writes, piece by piece."""
    sources = torch.randint(5, PIECES, (16, 6))
    sources[:, -1] = END
    written = torch.zeros(16, 1, dtype=torch.long)
    with torch.no_grad():
        for _ in range(8):
            found = model(input_ids=sources, decoder_input_ids=written).logits[:, -1]
            found[:, [END, PAD]] = -torch.inf
            written = torch.cat([written, found.argmax(-1, keepdim=True)], 1)
    both = torch.cat([sources, written[:, 1:], torch.full((16, 1), END)], 1).numpy().astype(np.int32)
    return PairRows(from_rows(list(both), pad_id=PAD), np.full(16, 6, np.int64))


def test_a_model_cut_to_its_own_size_answers_as_before(model: Any, rows: PairRows) -> None:
    expected = logits(model, rows)
    cut(model, WHOLE, rows, device=CPU)
    torch.testing.assert_close(logits(model, rows), expected)


def silence(linear: torch.nn.Linear, columns: torch.Tensor | slice = slice(None)) -> None:
    with torch.no_grad():
        linear.weight[:, columns] = 0


def test_neurons_that_write_nothing_go_first(model: Any, rows: PairRows) -> None:
    idle = torch.randperm(64)[:32]
    for side in SIDES:
        for block in getattr(model.model, side).layers:
            silence(block.fc2, idle)
    expected = logits(model, rows)
    cut(model, Shape(width=32, encoder=3, decoder=2, ffn=32), rows, device=CPU)
    assert model.model.encoder.layers[0].fc1.out_features == model.config.decoder_ffn_dim == 32
    torch.testing.assert_close(logits(model, rows), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("model", ["m2m"], indirect=True)  # norms first: a block can be nothing but its residual
def test_blocks_that_add_nothing_go_first(model: Any) -> None:
    for block in (model.model.encoder.layers[1], model.model.decoder.layers[0]):
        parts = [
            block.self_attn.out_proj,
            block.fc2,
            *([block.encoder_attn.out_proj] if hasattr(block, "encoder_attn") else []),
        ]
        for linear in parts:
            silence(linear)
            torch.nn.init.zeros_(linear.bias)
    rows = own_translations(model)
    expected = logits(model, rows)
    cut(model, Shape(width=32, encoder=2, decoder=1, ffn=64), rows, device=CPU)
    assert (model.config.encoder_layers, model.config.decoder_layers) == (2, 1)
    torch.testing.assert_close(logits(model, rows), expected, rtol=1e-4, atol=1e-4)


def test_what_was_cut_is_written_and_read_again(model: Any, rows: PairRows, tmp_path: Path) -> None:
    cut(model, SMALL, rows, device=CPU)
    save_seq2seq(model, tmp_path)
    again = load_seq2seq(tmp_path).eval()
    assert (again.config.encoder_layers, again.config.decoder_layers, again.config.encoder_ffn_dim) == (2, 1, 32)
    torch.testing.assert_close(logits(again, rows), logits(model, rows), rtol=1e-4, atol=1e-5)


def test_blocks_stay_in_the_order_asked_for(model: Any) -> None:
    first, _, last = model.model.encoder.layers
    keep_blocks(model, "encoder", [0, 2])
    assert list(model.model.encoder.layers) == [first, last]


@pytest.mark.parametrize(
    ("wanted", "possible"),
    [
        (SMALL, True),
        (WHOLE, True),
        (Shape(width=64, encoder=1, decoder=1, ffn=32), False),
        (Shape(width=32, encoder=4, decoder=1, ffn=32), False),
        (Shape(width=32, encoder=1, decoder=1, ffn=96), False),
    ],
)
def test_a_model_holds_what_is_as_wide_and_no_larger_elsewhere(wanted: Shape, possible: bool) -> None:
    assert can_cut(WHOLE, wanted) is possible
