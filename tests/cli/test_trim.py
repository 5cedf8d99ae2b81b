"""penjing trim, as it is typed."""

import pytest
from typer.testing import CliRunner

from penjing.cli.main import app
from penjing.errors import TaskError
from tests.shrink.small_model_gguf import write_small_model


@pytest.fixture
def folder(tmp_path):
    write_small_model(tmp_path / "whole.gguf")
    (tmp_path / "texts.txt").write_text("the old pine in a pot\n" * 100, encoding="utf-8")
    return tmp_path


def trim(folder, output):
    arguments = ["--texts", str(folder / "texts.txt"), "--output", str(folder / output), "--size", "300"]
    return CliRunner().invoke(app, ["trim", f"gguf:{folder / 'whole.gguf'}", *arguments])


def test_it_says_what_it_did_and_what_texts_lose(folder):
    found = trim(folder, "small.gguf")
    assert found.exit_code == 0, found.output
    assert "309 -> 300 pieces" in found.stdout
    assert "100.0% of 10 texts that were not looked at are read as before" in found.stdout
    assert (folder / "small.gguf").is_file()


@pytest.mark.parametrize("output", ["whole.gguf", "small.bin"])
def test_the_model_itself_is_never_overwritten(folder, output):
    before = (folder / "whole.gguf").read_bytes()
    assert isinstance(trim(folder, output).exception, TaskError)
    assert (folder / "whole.gguf").read_bytes() == before
