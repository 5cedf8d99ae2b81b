"""A causal model's folder, as the hub has it, through transformers: a tiny Llama of chance weights over bytes."""

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

import penjing
from penjing.errors import EngineError

TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
PROMPT = "盆景 is"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("causal")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({piece: number for number, piece in enumerate([*alphabet, "<end>"])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", chat_template=TEMPLATE)
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=257, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=64, eos_token_id=256, bos_token_id=256, pad_token_id=256,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(folder):
    with penjing.open_text_model(str(folder), threads=1) as opened:
        yield opened


def test_it_writes_what_transformers_writes(folder, model):
    found = model.generate(PROMPT, format="plain", max_tokens=12, temperature=0)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    ids = tokenizer(PROMPT, return_tensors="pt")["input_ids"]
    whole = LlamaForCausalLM.from_pretrained(folder).generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False
    )
    assert found.text == tokenizer.decode(whole[0, ids.shape[1] :], skip_special_tokens=True).rstrip("\ufffd")
    assert (found.prompt_tokens, found.completion_tokens) == (ids.shape[1], 12)
    assert found.engine == "transformers"
    assert found.answers[0].finish_reason == "length"


def test_a_chat_template_makes_conversations_the_default(model):
    assert model.default_format == "chat"
    found = model.generate("hi", max_tokens=2, temperature=0)
    assert found.prompt_tokens == len("user: hi\n")


def test_a_stop_text_is_not_shown(model):
    whole = model.generate(PROMPT, format="plain", max_tokens=12, temperature=0).text
    stop = whole[len(whole) // 2]
    assert model.generate(PROMPT, format="plain", max_tokens=12, temperature=0, stop=stop).text == whole.split(stop)[0]


def test_a_seed_makes_answers_repeatable_and_different(model):
    first, again = (model.generate(PROMPT, format="plain", max_tokens=9, n=2, seed=1).texts for _ in range(2))
    assert first == again
    assert first[0] != first[1]


def test_no_answer_ends_within_a_character(model):
    texts = model.generate(PROMPT, format="plain", max_tokens=5, n=16, seed=1).texts
    assert any("\ufffd" in text for text in texts)  # bytes of chance are no characters, and are shown as such
    assert not any(text.endswith("\ufffd") for text in texts)


def test_what_it_cannot_do_is_said(model):
    with pytest.raises(EngineError, match=r"'100 tokens'. Rule: at most 64"):
        model.generate("a" * 100, format="plain")
    with pytest.raises(EngineError, match=r"cannot hold an answer to a schema"):
        model.generate("a", schema={"type": "object"})


def test_a_folder_whose_weights_are_missing_is_one_line(folder, tmp_path):
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    with pytest.raises(EngineError, match=r"transformers cannot load the model"):
        penjing.open_text_model(str(tmp_path))
