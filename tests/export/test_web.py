"""A bundle as a folder of static files, and as one for phones: what is in them, and what is refused."""

import hashlib
import json

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from typer.testing import CliRunner

from penjing.bundle.golden import read_golden
from penjing.bundle.read import load
from penjing.cli.main import app
from penjing.errors import BundleError, ExportError, ModelError, TaskError
from penjing.export import web
from penjing.export.mobile import export_mobile
from penjing.export.web import export_web
from penjing.export.web_tokenizer import web_tokenizer
from tests.export.word_bundle import write_words
from tests.serve.picture_bundle import write_halves


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Return a folder with a runtime that is known by its hashes."""
    folder, known = tmp_path / "node_modules", {}
    for name in web.RUNTIME:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
        known[name] = hashlib.sha256(name.encode()).hexdigest()
    monkeypatch.setattr(web, "RUNTIME", known)
    return folder


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    return write_words(tmp_path_factory.mktemp("words"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_halves(tmp_path_factory.mktemp("halves"))


def test_the_folder_holds_all_that_the_page_asks_for(words, modules, tmp_path):
    export_web(words, tmp_path / "site", modules=modules)
    site = tmp_path / "site"
    config = json.loads((site / "config.json").read_text(encoding="utf-8"))
    assert config["input"]["after"] == 1
    assert config["labels"] == list(load(words).manifest.outputs.labels)
    head = (site / "offline.js").read_text(encoding="utf-8").splitlines()
    listed = json.loads(head[1].removeprefix("const FILES = ").rstrip(";"))
    files = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert files == {*listed, "offline.js"} - {"./"}
    assert (site / "model.onnx").read_bytes() == (words / "model.onnx").read_bytes()


def test_another_bundle_has_another_name_to_be_kept_under(words, pictures, modules, tmp_path):
    names = []
    for place, bundle in enumerate((words, pictures)):
        export_web(bundle, tmp_path / str(place), modules=modules)
        names.append((tmp_path / str(place) / "offline.js").read_text(encoding="utf-8").splitlines()[0])
    assert names[0] != names[1]
    assert not (tmp_path / "1" / "tokenizer.json").exists()


def test_a_runtime_that_is_missing_or_another_is_refused(pictures, modules, tmp_path):
    changed = next(modules.rglob("*.wasm"))
    changed.write_bytes(b"another")
    with pytest.raises(ModelError, match="another version"):
        export_web(pictures, tmp_path / "site", modules=modules)
    with pytest.raises(ModelError, match="npm install onnxruntime-web"):
        export_web(pictures, tmp_path / "site", modules=tmp_path / "none")
    assert not (tmp_path / "site").exists()


def test_what_browsers_do_not_run_and_a_folder_that_is_there_are_refused(
    tiny_linear_bundle, pictures, modules, tmp_path
):
    with pytest.raises(BundleError, match="browsers do not run"):
        export_web(tiny_linear_bundle, tmp_path / "site", modules=modules)
    with pytest.raises(BundleError, match="phones do not run"):
        export_mobile(tiny_linear_bundle, tmp_path / "phone")
    for write in (lambda out: export_web(pictures, out, modules=modules), lambda out: export_mobile(pictures, out)):
        with pytest.raises(TaskError, match="there already"):
            write(tmp_path)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the converter leaves a file open
def test_a_phone_gets_the_same_answers_and_the_list_of_operators(words, tmp_path):
    done = CliRunner().invoke(app, ["export", str(words), "--to", "mobile", "--output", str(tmp_path / "phone")])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "phone"
    session = onnxruntime.InferenceSession(str(folder / "model.ort"), providers=["CPUExecutionProvider"])
    bundle = load(words)
    for row in read_golden(words)[:8]:
        found = session.run(None, dict(bundle.encode([row.text])))[0]
        assert np.abs(found - np.array([row.logits])).max() < 0.1
    operators = (folder / "required_operators.config").read_text(encoding="utf-8")
    assert "ai.onnx;" in operators
    assert "#" not in operators
    assert json.loads((folder / "config.json").read_text(encoding="utf-8"))["labels"]


def _unigram(*steps):
    pieces = [("<s>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -1.0), *((letter, -2.0) for letter in "abcABC123～")]
    tokenizer = Tokenizer(models.Unigram(pieces, 2, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(list(steps))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return tokenizer


@given(st.text(max_size=40))
def test_rewritten_steps_read_every_text_alike(text):
    original = _unigram(normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " "))
    found = web_tokenizer(original.to_str(), texts=[text])
    assert found.after == 1
    assert '"Nmt"' not in found.content
    assert Tokenizer.from_str(found.content).encode(text).ids == original.encode(text).ids


def test_a_tokenizer_that_would_read_otherwise_is_refused(monkeypatch):
    monkeypatch.setattr("penjing.export.web_tokenizer._REMOVED", "[a]")
    with pytest.raises(ExportError, match="otherwise"):
        web_tokenizer(_unigram(normalizers.Nmt(), normalizers.NFKC()).to_str(), texts=["abc"])
