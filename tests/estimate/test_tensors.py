"""Counts against the models that transformers builds, on the meta device: nothing is allocated."""

from __future__ import annotations

from contextlib import suppress

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForImageClassification,
    AutoModelForSeq2SeqLM,
    AutoModelForSpeechSeq2Seq,
)

from penjing.errors import ModelError
from penjing.estimate.tensors import read_model

SMALL = {
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 112,
    "vocab_size": 501,
}
PAIR = {
    "d_model": 64, "encoder_layers": 3, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
    "encoder_ffn_dim": 96, "decoder_ffn_dim": 112, "vocab_size": 501,
}  # fmt: skip
GROUPED = {**SMALL, "num_key_value_heads": 2, "head_dim": 24}
PICTURE = {name: value for name, value in SMALL.items() if name != "vocab_size"}
CASES = [
    (AutoModel, {"model_type": "bert", **SMALL}),
    (AutoModel, {"model_type": "roberta", **SMALL, "type_vocab_size": 1, "max_position_embeddings": 514}),
    (AutoModel, {"model_type": "xlm-roberta", **SMALL, "type_vocab_size": 1}),
    (AutoModel, {"model_type": "electra", **SMALL, "embedding_size": 32}),
    (
        AutoModel,
        {"model_type": "distilbert", "dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 96, "vocab_size": 501},
    ),
    (AutoModelForCausalLM, {"model_type": "gpt2", "n_embd": 64, "n_layer": 3, "n_head": 4, "vocab_size": 501}),
    (AutoModelForCausalLM, {"model_type": "opt", **SMALL, "ffn_dim": 96, "word_embed_proj_dim": 64}),
    (AutoModelForCausalLM, {"model_type": "opt", **SMALL, "ffn_dim": 96, "word_embed_proj_dim": 32}),
    (AutoModelForCausalLM, {"model_type": "phi", **SMALL}),
    (AutoModelForCausalLM, {"model_type": "llama", **SMALL, "num_key_value_heads": 2}),
    (
        AutoModelForCausalLM,
        {"model_type": "llama", **GROUPED, "tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True},
    ),
    (AutoModelForCausalLM, {"model_type": "mistral", **GROUPED}),
    (AutoModelForCausalLM, {"model_type": "qwen2", **SMALL, "num_key_value_heads": 2}),
    (AutoModelForCausalLM, {"model_type": "qwen3", **GROUPED}),
    (AutoModelForCausalLM, {"model_type": "gemma", **GROUPED}),
    (AutoModelForCausalLM, {"model_type": "gemma2", **GROUPED}),
    (AutoModelForCausalLM, {"model_type": "gemma3_text", **GROUPED}),
    (AutoModelForCausalLM, {"model_type": "smollm3", **SMALL, "num_key_value_heads": 2, "pad_token_id": 0}),
    (
        AutoModelForCausalLM,
        {"model_type": "mixtral", **SMALL, "num_key_value_heads": 2, "num_local_experts": 4, "num_experts_per_tok": 2},
    ),
    (
        AutoModelForCausalLM,
        {"model_type": "qwen3_moe", **GROUPED, "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 48},
    ),
    (
        AutoModelForSeq2SeqLM,
        {"model_type": "t5", "d_model": 64, "num_layers": 3, "num_heads": 4, "d_kv": 24, "d_ff": 96, "vocab_size": 501},
    ),
    (
        AutoModelForSeq2SeqLM,
        {
            "model_type": "mt5",
            "d_model": 64,
            "num_layers": 3,
            "num_decoder_layers": 2,
            "num_heads": 4,
            "d_kv": 16,
            "d_ff": 96,
            "vocab_size": 501,
            "feed_forward_proj": "gated-gelu",
            "tie_word_embeddings": False,
        },
    ),
    (
        AutoModelForSeq2SeqLM,
        {
            "model_type": "marian",
            **PAIR,
            "max_position_embeddings": 64,
            "pad_token_id": 500,
            "decoder_start_token_id": 500,
        },
    ),
    (AutoModelForSeq2SeqLM, {"model_type": "m2m_100", **PAIR}),
    (AutoModelForSeq2SeqLM, {"model_type": "bart", **PAIR, "max_position_embeddings": 64}),
    (AutoModelForImageClassification, {"model_type": "vit", **SMALL, "image_size": 32, "patch_size": 8}),
    (
        AutoModel,
        {
            "model_type": "clip",
            "projection_dim": 48,
            "text_config": {**SMALL, "max_position_embeddings": 77},
            "vision_config": {**SMALL, "image_size": 32, "patch_size": 8},
        },
    ),
    (
        AutoModelForSpeechSeq2Seq,
        {
            "model_type": "whisper",
            "pad_token_id": 0,
            **PAIR,
            "num_mel_bins": 80,
            "max_source_positions": 100,
            "max_target_positions": 60,
        },
    ),
]


@pytest.mark.parametrize(("kind", "values"), CASES, ids=[values["model_type"] for _, values in CASES])
def test_parameters_are_those_of_the_model_that_transformers_builds(kind, values):
    config = AutoConfig.for_model(**values)
    with torch.device("meta"):
        model = kind.from_config(config)
    shapes = [tuple(value.shape) for _, value in model.named_parameters()]
    assert read_model(config.to_dict()).parameters == sum(torch.Size(shape).numel() for shape in shapes)


def test_deit_with_its_token_and_two_heads():
    from transformers import DeiTConfig, DeiTForImageClassificationWithTeacher

    config = DeiTConfig(
        **{name: value for name, value in SMALL.items() if name != "vocab_size"}, image_size=32, patch_size=8
    )
    with torch.device("meta"):
        model = DeiTForImageClassificationWithTeacher(config)
    assert read_model(config.to_dict()).parameters == sum(value.numel() for value in model.parameters())


def test_experts_count_whole_in_memory_and_in_part_in_work():
    values = {"model_type": "mixtral", **SMALL, "num_local_experts": 4, "num_experts_per_tok": 2}
    model = read_model(values)
    experts = 3 * 3 * 64 * 112
    assert model.parameters - model.active_parameters == 2 * experts


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "mamba"}, "cannot be estimated"),
        ({"hidden_size": None}, "lacks a value"),
        ({"hidden_size": -1}, "impossible"),
        ({"num_hidden_layers": "many"}, "impossible"),
        ({"vocab_size": 10**30}, "impossible"),
    ],
)
def test_what_is_no_config_is_refused_in_one_line(change, message):
    with pytest.raises(ModelError, match=message):
        read_model({"model_type": "llama", **SMALL, **change})


@given(
    st.dictionaries(
        st.sampled_from([*SMALL, "model_type", "head_dim", "num_experts"]),
        st.one_of(
            st.none(),
            st.integers(-5, 70),
            st.text(max_size=3),
            st.sampled_from(["bert", "llama", "t5", "vit"]),
            st.lists(st.integers(), max_size=2),
        ),
    )
)
def test_no_config_breaks_it(values):
    with suppress(ModelError):
        assert read_model(values).parameters > 0
