"""What has no published figure: pairs of encoder and decoder against PyTorch's own count; money; what must grow."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import MarianConfig, MarianMTModel, WhisperConfig

from penjing.estimate.cost import break_even_per_month, per_million, rent, rent_or_buy_months
from penjing.estimate.inference import inference_memory
from penjing.estimate.memory import Fitting, training_memory
from penjing.estimate.speed import prefill_seconds, read_bytes_per_token
from penjing.estimate.tensors import read_model
from penjing.estimate.value import exact
from penjing.estimate.work import forward

PAIR = {
    "d_model": 64, "encoder_layers": 3, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
    "encoder_ffn_dim": 96, "decoder_ffn_dim": 112, "vocab_size": 501,
}  # fmt: skip


def counted(model, **inputs):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(**inputs, use_cache=False)
    return counter.get_total_flops()


def test_work_of_a_pair_is_that_which_torch_counts():
    config = MarianConfig(
        **PAIR, max_position_embeddings=64, pad_token_id=500, decoder_start_token_id=500, eos_token_id=0
    )
    config._attn_implementation = "eager"
    ids = {"input_ids": torch.ones(1, 20, dtype=torch.long), "decoder_input_ids": torch.ones(1, 12, dtype=torch.long)}
    found = forward(read_model(config.to_dict()), tokens=20, target_tokens=12)
    assert found == pytest.approx(counted(MarianMTModel(config), **ids), rel=0.02)


def test_keys_and_values_of_whisper_count_what_it_looks_at_across():
    config = WhisperConfig(**PAIR, num_mel_bins=8, max_source_positions=100, max_target_positions=60, pad_token_id=0)
    model = read_model(config.to_dict())
    parts = inference_memory(model, format_="float32", tokens=10, engine="onnxruntime")
    assert parts["keys and values"].value == (10 + 100) * 2 * 64 * 2 * 2
    assert read_bytes_per_token(model, format_="float32") < 4 * model.parameters


def test_llama_cpp_reads_512_tokens_at_once_and_onnxruntime_copies_while_it_loads():
    def parts(engine, tokens):
        found = inference_memory(LLAMA, format_="float32", tokens=tokens, engine=engine)
        return {name: part.value for name, part in found.items()}

    assert parts("llamacpp", 4096)["activations"] == parts("llamacpp", 512)["activations"]
    assert parts("onnxruntime", 4096)["activations"] == pytest.approx(8 * parts("onnxruntime", 512)["activations"])
    assert parts("llamacpp", 512)["copies"] == parts("ctranslate2", 512)["copies"] == 0
    assert parts("onnxruntime", 512)["copies"] == pytest.approx(4 * 2 / 3 * BLOCKS)


SMALL = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 112}
BLOCKS = 3 * (4 * 64 * 64 + 3 * 64 * 112)
LLAMA = read_model({"model_type": "llama", "vocab_size": 501, **SMALL})


def size(**changes):
    return training_memory(LLAMA, Fitting(**{"batch": 2, "tokens": 32, **changes}))["all"].value


def test_memory_grows_and_shrinks_as_it_must():
    assert size(batch=4) > size() < size(tokens=64)
    assert size(checkpointing=True) < size()
    assert size(optimizer="adamw-8bit") < size()
    assert size(lora_rank=4, base="nf4") < size(lora_rank=4) < size()
    assert size(lora_rank=4, devices=8) < size(lora_rank=4)


def test_money():
    hour = exact(3600.0, "s", "an hour")
    assert rent(seconds=hour, price_per_hour=(1.0, 3.0)).value == 2.0
    assert per_million(answer_s=exact(0.0036, "s", ""), price_per_hour=(1.0, 1.0)).value == pytest.approx(1.0)
    assert break_even_per_month(price_per_hour=0.1, api_per_answer=0.0002).value == pytest.approx(364_800)
    bought = {"price": 1000.0, "watts": 100.0, "per_kwh": 0.2, "hours_a_month": 100.0}
    assert rent_or_buy_months(**bought, rent_per_hour=0.52).value == pytest.approx(20.0)
    assert rent_or_buy_months(**bought, rent_per_hour=0.01) is None
    assert prefill_seconds(LLAMA, tokens=64, peak=1e12).value > 0
