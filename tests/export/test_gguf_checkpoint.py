"""Checkpoints as GGUF: transformers and llama.cpp read them as the model that was saved."""

import json

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

import penjing
from penjing.errors import ModelError
from penjing.export.gguf_checkpoint import write_gguf
from penjing.generation.references import gguf_origin, gguf_source
from penjing.gguf.file import open_gguf
from penjing.gguf.tokenizer import _EMPTY, _SPLITS, _pre_tokenizer
from penjing.shrink.gguf_vocabulary import read_tokenizer
from penjing.train.causal import load_causal

TEXTS = ["The old pine in a pot, 12345 years.", "盆景 is an old art; it's 1,300 years old!", "the moon  the river\n\n"]
FIRST, LAST = "<|begin|>", "<|end|>"
SIZES = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
         "num_key_value_heads": 2, "max_position_embeddings": 128, "initializer_range": 0.2}  # fmt: skip
MODELS = {
    "llama": (LlamaConfig, LlamaForCausalLM, "smollm", {"tie_word_embeddings": True}),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, "qwen2", {}),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM, "qwen2", {"head_dim": 128}),  # transformers' reader takes it for granted
}


def tokenizer(split):
    splitter = {"pre_tokenizer": _pre_tokenizer(_SPLITS[split])}
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = Tokenizer.from_str(json.dumps(_EMPTY | splitter)).pre_tokenizer
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    settings = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(TEXTS * 5, settings)
    made.add_special_tokens([AddedToken(FIRST, special=True), AddedToken(LAST, special=True)])
    return made


def save(folder, kind, *, begins=False, **changes):
    config_type, model_type, split, more = MODELS[kind]
    made = tokenizer(split)
    if begins:
        begin = (FIRST, made.token_to_id(FIRST))
        made.post_processor = processors.TemplateProcessing(single=f"{FIRST} $A", special_tokens=[begin])
    wrapped = PreTrainedTokenizerFast(tokenizer_object=made, bos_token=FIRST, eos_token=LAST)
    wrapped.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    ids = {"bos_token_id": made.token_to_id(FIRST), "eos_token_id": made.token_to_id(LAST)}
    torch.manual_seed(0)
    size = made.get_vocab_size() + 7
    model = model_type(config_type(**SIZES, **more, **ids, vocab_size=size, rope_theta=5000.0, **changes)).eval()
    with torch.no_grad():
        for values in model.parameters():
            if values.ndim == 1:
                values.add_(0.1 * torch.randn(len(values)))
    model.save_pretrained(folder)
    wrapped.save_pretrained(folder)
    return model, made


@pytest.mark.parametrize("kind", MODELS)
def test_transformers_and_llama_cpp_read_what_was_saved(tmp_path, kind):
    model, pieces = save(tmp_path / "saved", kind)
    write_gguf(tmp_path / "saved", tmp_path / "model.gguf", name="tiny")
    again = load_causal(tmp_path / "model.gguf")
    ids = torch.tensor([pieces.encode(TEXTS[0]).ids])
    with torch.no_grad():
        expected = model(ids).logits
        torch.testing.assert_close(again(ids).logits, expected, atol=0.05, rtol=0.01)
    read = read_tokenizer(tmp_path / "model.gguf")
    assert all(read.encode(text, add_special_tokens=False).ids == pieces.encode(text).ids for text in TEXTS)
    greedy = model.generate(ids, max_new_tokens=6, do_sample=False, pad_token_id=0)[0, ids.shape[1] :]
    with penjing.open_text_model(str(tmp_path / "model.gguf"), context=64, threads=1) as opened:
        found = opened.generate(TEXTS[0], max_tokens=6, temperature=0.0, format="plain")
    assert found.prompt_tokens == ids.shape[1]
    assert pieces.decode(greedy.tolist(), skip_special_tokens=True).startswith(found.text.split("�")[0])


def test_the_header_says_what_the_files_say(tmp_path):
    _, pieces = save(tmp_path / "saved", "llama", begins=True)
    (tmp_path / "saved" / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    path = gguf_source(str(tmp_path / "saved"), cache=tmp_path / "cache")
    assert path == gguf_source(str(tmp_path / "saved"), cache=tmp_path / "cache")
    file = open_gguf(path)
    assert file.value("tokenizer.ggml.bos_token_id") == pieces.token_to_id(FIRST)
    assert file.value("tokenizer.ggml.add_bos_token") is True
    assert "messages" in file.value("tokenizer.chat_template")
    assert file.value("llama.rope.freq_base") == 5000.0
    assert "output.weight" not in file.tensors  # tied
    origin = gguf_origin(str(tmp_path / "saved"), path)
    assert (origin.name, origin.licence) == ("saved", "mit")


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("config.json", {"model_type": "mamba"}, "architecture cannot"),
        ("config.json", {"rope_parameters": {"rope_type": "llama3", "factor": 8.0}}, "scaled positions"),
        ("config.json", {"use_sliding_window": True}, "sliding window"),
        ("config.json", {"vocab_size": 200}, "larger than the model's"),
        ("config.json", {"vocab_size": 1000}, "do not fit config.json"),
        ("tokenizer.json", {"pre_tokenizer": {"type": "Whitespace"}}, "splitting texts"),
        ("tokenizer.json", {"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}, "kind of vocabulary"),
    ],
)
def test_what_gguf_cannot_say_is_refused(tmp_path, file, change, words):
    save(tmp_path / "saved", "llama")
    path = tmp_path / "saved" / file
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), encoding="utf-8")
    with pytest.raises(ModelError, match=words):
        write_gguf(tmp_path / "saved", tmp_path / "model.gguf", name="tiny")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["saved"]


def test_damaged_and_missing_files_are_said(tmp_path):
    save(tmp_path / "saved", "llama")
    weights = tmp_path / "saved" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1000])
    with pytest.raises(ModelError, match="damaged"):
        write_gguf(tmp_path / "saved", tmp_path / "model.gguf", name="tiny")
    weights.unlink()
    with pytest.raises(ModelError, match="no weights"):
        write_gguf(tmp_path / "saved", tmp_path / "model.gguf", name="tiny")
    (tmp_path / "saved" / "config.json").write_text("[]")
    with pytest.raises(ModelError, match="no JSON object"):
        write_gguf(tmp_path / "saved", tmp_path / "model.gguf", name="tiny")
    with pytest.raises(ModelError, match="no model that writes"):
        gguf_source(str(tmp_path), cache=tmp_path / "cache")
