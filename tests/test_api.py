import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification, BertModel

import penjing
from penjing import BundleError, ModelError, Prediction, classify_text
from tests.small import WORDS, token_bundle, write_tokenizer


def checkpoint(folder, *, trained):
    """A tiny BERT with or without a classifier, as transformers saves it."""
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=16, id2label={0: "no", 1: "yes", 2: "perhaps"},
    )  # fmt: skip
    torch.manual_seed(1)
    model = BertForSequenceClassification(config) if trained else BertModel(config)
    model.save_pretrained(folder)
    write_tokenizer(folder / "tokenizer.json")
    return folder


def modules_after(code):
    """The names of the modules that a fresh process has loaded after `code`."""
    code += "\nimport sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.splitlines()} | set(done.stdout.splitlines())


def test_all_is_sorted_and_every_name_is_there():
    assert list(penjing.__all__) == sorted(penjing.__all__)
    assert all(getattr(penjing, name) is not None for name in penjing.__all__)


def test_all_is_what_type_checkers_see():
    tree = ast.parse(Path(penjing.__file__).read_text(encoding="utf-8"))
    twin = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in twin.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(penjing.__all__)
    assert set(penjing.__all__) <= set(dir(penjing))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        penjing.nonsense  # noqa: B018


def test_import_is_light():
    heavy = {"numpy", "pydantic", "torch", "onnxruntime", "tokenizers", "typer", "rich"}
    assert not heavy & modules_after("import penjing")


def test_a_prediction_loads_nothing_of_training(tiny_bundle):
    loaded = modules_after(f"from penjing import classify_text; classify_text('good', model_path={str(tiny_bundle)!r})")
    assert "onnxruntime" in loaded
    assert not {"torch", "transformers", "sklearn", "scipy", "onnx", "pandas", "openvino", "rich"} & loaded


def test_one_text_gives_one_prediction(tiny_bundle):
    found = classify_text("good", model_path=tiny_bundle)
    assert isinstance(found, Prediction)
    assert found.label == "good"


def test_several_texts_give_a_list(tiny_bundle):
    found = classify_text(["good", "bad"], model_path=str(tiny_bundle))
    assert [prediction.label for prediction in found] == ["good", "bad"]


def test_a_bundle_is_opened_once(tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    first = classify_text("good", model_path=folder)
    (folder / "model.onnx").unlink()
    assert classify_text("good", model_path=folder) == first


def test_a_bundle_that_was_replaced_is_opened_again(tmp_path):
    folder = token_bundle(tmp_path)
    before = classify_text("good", model_path=folder).score
    shutil.rmtree(folder)
    token_bundle(tmp_path, outputs={"labels": ("bad", "good"), "temperature": 5.0})
    later = (folder / "manifest.json").stat().st_mtime_ns + 10**9
    os.utime(folder / "manifest.json", ns=(later, later))
    assert classify_text("good", model_path=folder).score < before


def test_no_bundle_is_a_bundle_error(tmp_path):
    with pytest.raises(BundleError, match="penjing fit"):
        classify_text("good", model_path=tmp_path / "nothing")


def test_a_model_without_a_trained_head_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"never trained.*penjing fit"):
        classify_text("good", model_path=checkpoint(tmp_path, trained=False))


def test_a_checkpoint_with_a_trained_head_answers_as_transformers_does(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = checkpoint(tmp_path / "model", trained=True)
    model = BertForSequenceClassification.from_pretrained(folder).eval()
    found = classify_text("good film", model_path=folder)
    expected = model(torch.tensor([[2, 4]])).logits.softmax(-1)[0].tolist()
    assert list(found.scores) == ["no", "yes", "perhaps"]
    assert list(found.scores.values()) == pytest.approx(expected, abs=1e-4)
    assert classify_text("good film", model_path=folder) == found


@pytest.mark.parametrize("labels", [2, 4])
def test_labels_that_do_not_fit_the_head_are_refused(labels, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = checkpoint(tmp_path / "model", trained=True)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["id2label"] = {str(index): f"label {index}" for index in range(labels)}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match=rf"{labels} labels.*3"):
        classify_text("good film", model_path=folder)


def test_a_head_of_another_kind_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = checkpoint(tmp_path / "model", trained=True)
    tensors = load_file(folder / "model.safetensors")
    tensors = {name.replace("classifier.", "classifier.dense."): value for name, value in tensors.items()}
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ModelError, match="head"):
        classify_text("good film", model_path=folder)
