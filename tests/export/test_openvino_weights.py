"""Weights rounded by NNCF: a tiny model is measured in every try, and the real one still answers."""

import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

import penjing
from penjing.cli.main import app
from penjing.data.passages import Passage
from penjing.errors import DataError, ExportError, ModelError
from penjing.export.openvino_surprise import openvino_surprise
from penjing.export.openvino_text import export_openvino
from penjing.export.openvino_weights import compress_weights
from penjing.generation.references import gguf_file
from penjing.measure.bits import Surprise
from penjing.search.text.context import piece_reader
from penjing.search.text.openvino import FOUR_BITS, search_openvino_weights
from penjing.spec import Bar
from penjing.train.causal import load_causal, surprise
from penjing.train.device import Device
from penjing.train.windows import cut_windows
from tests.export.test_openvino_text import MODEL, smollm
from tests.shrink.small_model_gguf import WORDS, write_byte_level_model


def lines(count, seed=0):
    draw = random.Random(seed)  # noqa: S311
    return [" ".join(draw.choices([word.strip("▁") for word in WORDS], k=draw.randint(4, 12))) for _ in range(count)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nncf")
    source = write_byte_level_model(folder / "model.gguf", split="smollm", texts=lines(200, seed=1))
    export_openvino(source, folder / "whole", weights="F16")
    return source, folder / "whole"


def windows_of(source: Path, texts):
    return cut_windows([Passage((), text) for text in texts], piece_reader(source), most=32)


def test_openvino_says_what_transformers_says(tiny):
    """As near as bfloat16 is, which OpenVINO takes where the processor has it."""
    source, whole = tiny
    windows = windows_of(source, [*lines(6), "the old pine " * 30])
    found = openvino_surprise(whole, windows, threads=1)
    expected = surprise(load_causal(source), windows, device=Device("cpu", False))
    assert found.nats == pytest.approx(expected.nats, rel=1e-2)
    assert found.bits_per_byte == pytest.approx(expected.bits_per_byte, rel=1e-2)


@pytest.mark.parametrize("samples", [0, 4])
def test_fewer_bits_take_less_room(tiny, tmp_path, samples):
    source, whole = tiny
    windows = windows_of(source, lines(samples))
    ids = [windows.tokens.ids[a:b] for a, b in zip(windows.tokens.starts[:-1], windows.tokens.starts[1:], strict=True)]
    sizes = [(whole / "openvino_model.bin").stat().st_size]
    for four_bits in (0.0, 1.0):
        compress_weights(whole, tmp_path / f"{four_bits}", four_bits=four_bits, samples=ids)
        sizes.append((tmp_path / f"{four_bits}" / "openvino_model.bin").stat().st_size)
        with penjing.open_text_model(str(tmp_path / f"{four_bits}"), context=64, threads=1) as model:
            assert model.generate("the old", max_tokens=2, temperature=0.0, format="plain").completion_tokens <= 2
    assert sizes == sorted(set(sizes), reverse=True)


def test_the_smallest_that_holds_the_bar_is_written(tiny, tmp_path, monkeypatch):
    source, _ = tiny
    texts = lines(40)
    found = search_openvino_weights(
        source, tmp_path / "loose", texts, bar=Bar(metric="bits_per_byte", drop_at_most=1.0), threads=1
    )
    assert [tried.four_bits for tried in found] == [1.0]
    assert (tmp_path / "loose" / "openvino_tokenizer.xml").is_file()
    worse = iter([1.0, 2.0, 1.5, 1.02, 1.0])  # the reference, and three tries

    def pretended(folder, windows, **_):
        return Surprise(windows.n_bytes * next(worse), windows.n_bytes)

    monkeypatch.setattr("penjing.search.text.openvino.openvino_surprise", pretended)
    bar = Bar(metric="bits_per_byte", drop_at_most=0.05)
    tried = search_openvino_weights(source, tmp_path / "tight", texts, bar=bar, threads=1)
    assert [found.four_bits for found in tried] == list(FOUR_BITS[:3])
    assert [found.verdict.word for found in tried] == ["not met", "not met", "met"]


def test_what_cannot_be_rounded_is_said(tiny, tmp_path):
    source, whole = tiny
    bar = Bar(metric="bits_per_byte")
    with pytest.raises(DataError, match="too few texts"):
        search_openvino_weights(source, tmp_path / "out", lines(3), bar=bar, threads=1)
    with pytest.raises(ModelError, match="there already"):
        search_openvino_weights(source, whole, lines(40), bar=bar, threads=1)
    with pytest.raises(ExportError, match="NNCF cannot"):
        compress_weights(whole, tmp_path / "odd", four_bits=2.0)


def test_the_command_says_what_it_tried(tiny, tmp_path):
    source, _ = tiny
    (tmp_path / "texts.txt").write_text("\n".join(lines(40)), encoding="utf-8")
    asked = ["export", str(source), "--to", "openvino", "--output", str(tmp_path / "out"), "--threads", "1"]
    asked += ["--texts", str(tmp_path / "texts.txt")]
    refused = CliRunner().invoke(app, [*asked, "--drop-at-most", "much"])
    assert "percentage of the teacher" in str(refused.exception)
    done = CliRunner().invoke(app, [*asked, "--drop-at-most", "0.9"])
    assert done.exit_code == 0, done.output
    assert "100% of the layers in 4 bits" in done.output


@smollm
@pytest.mark.slow
def test_the_real_model_still_answers(tmp_path):
    texts = [f"The capital of {place} is well known." for place in lines(60)]
    bar = Bar(metric="bits_per_byte", drop_at_most=0.9)
    tried = search_openvino_weights(gguf_file(MODEL), tmp_path / "out", texts, bar=bar, threads=2)
    assert [found.verdict.word for found in tried] == ["met"]
    assert sum(path.stat().st_size for path in (tmp_path / "out").iterdir()) < gguf_file(MODEL).stat().st_size
    with penjing.open_text_model(str(tmp_path / "out"), context=512) as model:
        found = model.generate("What is the capital of France?", max_tokens=16, temperature=0)
    assert "Paris" in found.text
