"""Published figures, each with its source and the tolerance a good estimate meets."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from penjing.estimate.cost import emissions_kg, energy_kwh
from penjing.estimate.formats import bits_per_weight, file_bytes
from penjing.estimate.memory import (
    Fitting,
    inference_memory,
    kv_bytes,
    kv_bytes_per_token,
    lora_parameters,
    training_memory,
)
from penjing.estimate.speed import assumed_law, fitted_law, read_bytes_per_token, training_seconds
from penjing.estimate.tensors import Model, read_model
from penjing.estimate.work import forward, short_rule, tower, training

CONFIGS = tomllib.loads((Path(__file__).parent / "models.toml").read_text(encoding="utf-8"))
A100 = 312e12
GIB = 2**30


def model(name: str) -> Model:
    return read_model(CONFIGS[name])


PARAMETERS = {  # keras-hub's presets, Hugging Face's safetensors, torchvision's metadata
    "bert-base-uncased": 109_482_240, "bert-base-chinese": 102_267_648, "gpt2": 124_439_808, "gpt2-xl": 1_557_611_200,
    "vit-base-16-224": 86_567_656, "t5-base": 222_903_552, "llama-3_1-8b": 8_030_261_248, "qwen2_5-7b": 7_615_616_512,
    "mixtral-8x7b": 46_702_792_704, "gemma-2b": 2_506_172_416, "qwen3-4b": 4_022_468_096, "qwen3-1_7b": 1_720_574_976,
    "qwen3-32b": 32_762_123_264, "llama-3_2-1b": 1_235_814_400, "qwen2_5-3b": 3_085_938_688,
}  # fmt: skip


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_exact(name):
    assert model(name).parameters == PARAMETERS[name]


def test_active_parameters_of_experts():
    assert model("mixtral-8x7b").active_parameters == 12_879_925_248  # total less six experts


def test_forward_and_training_work_of_gpt2():  # nanoGPT, transformer_sizing.ipynb
    gpt2 = model("gpt2")
    assert forward(gpt2, tokens=1024) == pytest.approx(291_648_307_200, rel=1e-3)
    assert training(gpt2, tokens=1024) == pytest.approx(874_944_921_600, rel=1e-3)
    seconds = 100 * training(gpt2, tokens=1024) / (0.3714 * A100)
    assert seconds == pytest.approx(0.755, rel=0.01)
    days = (
        training_seconds(short_rule(gpt2.parameters - 1024 * 768, 300e9), peak=A100, devices=8, mfu=0.3).value / 86400
    )
    assert days == pytest.approx(3.46, rel=0.01)


def test_training_work_of_large_models():  # arXiv 2005.14165 table D.1; arXiv 2204.02311
    assert short_rule(174_600e6, 300e9) == pytest.approx(3.14e23, rel=0.02)
    assert short_rule(540.35e9, 780e9) == pytest.approx(2.527e24, rel=0.02)


@pytest.mark.parametrize(
    ("name", "gmacs"),  # timm's benchmark tables: multiply-adds, half of what is counted here
    [("vit-base-16-224", 17.58), ("deit-tiny", 1.26), ("vit-large-16-224", 61.6), ("vit-base-16-384", 55.54)],
)
def test_work_of_a_picture(name, gmacs):
    assert forward(model(name), tokens=0) == pytest.approx(2 * gmacs * 1e9, rel=0.02)


def test_work_of_two_towers():  # open_clip at 89fb801, docs/model_profile.csv: ViT-B-16
    clip = model("clip-vit-b-16")
    assert tower(clip, "vision", tokens=clip.sequence) == pytest.approx(35.13e9, rel=0.02)
    assert tower(clip, "text", tokens=77) == pytest.approx(5.96e9, rel=0.02)
    assert forward(clip, tokens=77) == pytest.approx(41.09e9, rel=0.02)


def test_hours_of_long_trainings():  # meta-llama's model card; TinyLlama's README
    llama = model("llama-2-7b")
    hours = training_seconds(short_rule(llama.parameters, 2.0e12), peak=A100).value / 3600
    assert hours == pytest.approx(184_320, rel=0.30)
    tiny = model("tinyllama-1_1b")
    per_token = training(tiny, tokens=2048) / 2048
    assert A100 * 0.56 / per_token == pytest.approx(24_000, rel=0.15)
    assert 300e9 * per_token / (A100 * 0.56) / 3600 == pytest.approx(3_456, rel=0.15)


def test_energy_and_emissions():  # arXiv 2302.13971 table 15
    energy = energy_kwh(hours=82_432, watts=400, overhead=1.1)
    assert energy.value == pytest.approx(36_000, rel=0.02)
    assert emissions_kg(energy, kg_per_kwh=0.385).value == pytest.approx(14_000, rel=0.02)


def test_keys_and_values():  # vLLM issue 12330; arXiv 2309.06180 section 3
    llama = model("llama-3_1-8b")
    assert kv_bytes_per_token(llama) == 131_072
    assert file_bytes(llama, "bfloat16") / GIB == pytest.approx(14.96, rel=1e-3)
    assert 11.12 * GIB / (16 * kv_bytes_per_token(llama)) == pytest.approx(5_691, rel=1e-3)
    assert kv_bytes_per_token(model("opt-13b")) == 819_200
    assert kv_bytes(model("opt-13b"), tokens=2048) == pytest.approx(1.6e9, rel=0.05)
    assert kv_bytes(model("bert-base-uncased"), tokens=512) == 0


@pytest.mark.parametrize(
    ("format_", "bits", "gib"),  # llama.cpp, tools/quantize/README.md: Llama 3.1 8B
    [
        ("Q4_K_S", 4.6672, 4.36),
        ("Q4_K_M", 4.8944, 4.58),
        ("Q5_K_M", 5.7036, 5.33),
        ("Q6_K", 6.5633, 6.14),
        ("Q8_0", 8.5008, 7.95),
        ("F16", 16.0005, 14.96),
    ],
)
def test_bits_of_gguf_files(format_, bits, gib):
    llama = model("llama-3_1-8b")
    assert bits_per_weight(llama, format_) == pytest.approx(bits, abs=2e-3)
    assert file_bytes(llama, format_) / GIB == pytest.approx(gib, abs=0.01)


def test_bits_of_llama_2():  # llama.cpp, llama-bench's and quantize's READMEs
    assert file_bytes(model("llama-2-7b"), "Q4_0") == 3_825_065_984
    for name, bits in (("llama-2-7b", 4.84), ("llama-2-13b", 4.83), ("llama-2-70b", 4.80)):
        assert bits_per_weight(model(name), "Q4_K_M") == pytest.approx(bits, abs=0.01)


def test_lora_weights():  # litgpt's resource tables; peft's README
    assert lora_parameters(model("llama-2-7b"), rank=8) == 4_194_304
    assert lora_parameters(model("phi-1_5"), rank=8) == 1_572_864
    qwen = model("qwen2_5-3b")
    assert lora_parameters(qwen, rank=16) == 3_686_400
    assert qwen.parameters + 3_686_400 == 3_089_625_088


def test_memory_of_llama_2_7b():  # litgpt's resource tables: bf16, A100 40 GB, up to 1,304 tokens
    llama = model("llama-2-7b")
    for batch, published in ((1, 21.30e9), (2, 29.07e9)):
        fitting = Fitting(batch=batch, tokens=1304, precision="bfloat16", lora_rank=8)
        parts = training_memory(llama, fitting)
        assert parts["all"].value - parts["runtime"].value == pytest.approx(published, rel=0.05)
    parts = inference_memory(llama, format_="bfloat16", tokens=100)
    assert parts["weights"].value == pytest.approx(13.52e9, rel=0.05)
    assert file_bytes(llama, "nf4") == pytest.approx(4.57e9, rel=0.10)
    assert file_bytes(llama, "nf4-double") == pytest.approx(4.26e9, rel=0.10)


def test_memory_of_bert_large():  # Hugging Face, model_memory_anatomy: fp32, AdamW, batch 4, 512 pieces
    fitting = Fitting(batch=4, tokens=512, precision="float32", fused_attention=False)
    parts = training_memory(model("bert-large-uncased"), fitting)
    assert parts["all"].value == pytest.approx(14_949 * 2**20, rel=0.10)
    assert parts["runtime"].value == pytest.approx(1_343 * 2**20, rel=0.10)


DECODE = {  # community runs of llmfit at 3f44fd3: Radeon RX 7900 XT, 800 GB/s, Q4_K_M
    "llama-3_2-1b": 375.97, "qwen3-1_7b": 282.06, "llama-3_2-3b": 200.39, "qwen3-4b": 169.03, "llama-3_1-8b": 114.33,
    "qwen2_5-14b": 64.41, "qwen2_5-32b": 30.89, "qwen3-32b": 31.58, "qwen3-30b-a3b": 151.77,
}  # fmt: skip


def test_tokens_a_second_with_both_terms_fitted_and_left_out():
    names = list(DECODE)
    reads = {name: read_bytes_per_token(model(name), format_="Q4_K_M", context=128) for name in names}
    errors = []
    for name in names:  # each is judged by a law that has not seen it
        others = [other for other in names if other != name]
        law = fitted_law(
            [reads[one] for one in others], [model(one).layers for one in others], [1 / DECODE[one] for one in others]
        )
        found = 1 / law.token(read_bytes=reads[name], layers=model(name).layers).value
        errors.append(abs(found / DECODE[name] - 1))
    assert sum(errors) / len(errors) <= 0.10


def test_tokens_a_second_where_nothing_was_measured():
    errors = []
    for name, published in DECODE.items():
        read = read_bytes_per_token(model(name), format_="Q4_K_M", context=128)
        found = 1 / assumed_law(800e9).token(read_bytes=read, layers=model(name).layers).value
        errors.append(abs(found / published - 1))
    assert sum(errors) / len(errors) <= 0.25
