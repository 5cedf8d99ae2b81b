import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.bundle.manifest import Outputs
from penjing.bundle.read import ABSTAIN, load, probabilities, read_manifest
from penjing.errors import BundleError, EngineError
from tests.small import token_bundle


@pytest.fixture
def copy(tiny_bundle, tmp_path):
    """A bundle that the test may damage."""
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


def change_manifest(folder, **values):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


def test_answers(tiny_bundle):
    good, bad = load(tiny_bundle).predict(["good", "bad"])
    assert (good.label, bad.label) == ("good", "bad")
    assert good.score == max(good.scores.values()) > 0.5
    assert sum(good.scores.values()) == pytest.approx(1)
    assert good.labels == ("good",)


def test_a_text_below_the_threshold_is_abstained(tmp_path):
    folder = token_bundle(tmp_path, outputs=Outputs(labels=("bad", "good"), abstain_below=0.9))
    unsure, sure = load(folder).predict(["good bad", "good"])
    assert (unsure.label, sure.label) == (ABSTAIN, "good")
    assert unsure.score == max(unsure.scores.values()) < 0.9


def test_multi_label_answers_hold_any_number_of_labels(tmp_path):
    folder = token_bundle(tmp_path, outputs=Outputs(labels=("x", "y", "z"), multi_label=True))
    bundle = load(folder)
    texts = ["good", "bad", "film", "很"]
    for prediction, logits in zip(bundle.predict(texts), bundle.logits(texts), strict=True):
        assert prediction.labels == tuple(name for name, z in zip("xyz", logits, strict=True) if z >= 0)
        assert prediction.scores["x"] == pytest.approx(1 / (1 + np.exp(-logits[0])), abs=1e-6)


@given(st.lists(st.floats(-1e4, 1e4), min_size=2, max_size=5), st.floats(0.05, 20))
def test_probabilities_add_up_and_keep_the_order(logits, temperature):
    outputs = Outputs(labels=tuple("abcde"[: len(logits)]), temperature=temperature)
    found = probabilities(np.array([logits], np.float32), outputs)[0]
    assert found.sum() == pytest.approx(1)
    assert found[int(np.argmax(np.float32(logits)))] == found.max()


def test_a_higher_temperature_is_less_sure():
    cold, hot = (
        probabilities(np.array([[0.0, 2.0]]), Outputs(labels=("a", "b"), temperature=t))[0, 1] for t in (0.5, 4)
    )
    assert cold > hot > 0.5


def test_stream_keeps_the_order_over_windows(tiny_bundle):
    bundle = load(tiny_bundle)
    texts = ["good film " * (7 * i % 5) + ("good" if i % 3 else "bad") for i in range(50)]
    streamed = list(bundle.stream(iter(texts), batch_size=4, window=16))
    assert [text for text, _ in streamed] == texts
    assert [found.label for _, found in streamed] == [found.label for found in bundle.predict(texts)]


def test_stream_holds_one_window_of_texts(tiny_bundle):
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield "good"

    stream = load(tiny_bundle).stream(endless(), window=16)
    for _ in range(3):
        next(stream)
    assert taken == 16


def test_progress_reaches_the_number_of_texts(tiny_bundle):
    seen = []
    load(tiny_bundle).logits(["good"] * 10, batch_size=4, progress=seen.append)
    assert seen == [4, 8, 10]


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "golden.jsonl"])
def test_a_changed_byte_is_found(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{name} has changed.*SHA-256"):
        load(copy)


def test_a_missing_file_is_found(copy):
    (copy / "model.onnx").unlink()
    with pytest.raises(BundleError, match=r"missing.*model\.onnx"):
        load(copy)


def test_a_model_that_no_hash_covers_is_refused(copy):
    files = json.loads((copy / "manifest.json").read_text(encoding="utf-8"))["files"]
    change_manifest(copy, files={name: files[name] for name in files if name != "model.onnx"})
    with pytest.raises(BundleError, match=r"model\.onnx"):
        load(copy)


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/passwd", "..", ".", "a/b", ""])
def test_a_name_outside_the_folder_is_refused(copy, name):
    change_manifest(copy, files={name: {"sha256": "0" * 64, "size_bytes": 1}})
    with pytest.raises(BundleError, match="unsafe"):
        load(copy)


def test_a_link_is_refused(copy, tmp_path):
    shutil.move(copy / "model.onnx", tmp_path / "elsewhere.onnx")
    (copy / "model.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    with pytest.raises(BundleError, match="unsafe"):
        load(copy)


@pytest.mark.parametrize("name", ["model.pkl", "model.PT", "weights.bin", "x.joblib"])
def test_a_pickle_is_refused(copy, name):
    (copy / name).write_bytes(b"\x80\x04.")
    change_manifest(copy, files={name: {"sha256": "0" * 64, "size_bytes": 3}})
    with pytest.raises(BundleError, match="pickle"):
        load(copy)


def test_a_newer_bundle_says_to_upgrade(copy):
    change_manifest(copy, version=99, something_new=True)
    with pytest.raises(BundleError, match=r"newer.*version 99.*upgrade penjing"):
        load(copy)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"format": "penjing-bundle"}', "\udcff", '{"format": "other"}', "[" * 100_000],
)
def test_a_garbled_manifest_is_a_bundle_error(copy, text):
    (copy / "manifest.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BundleError, match="damaged"):
        read_manifest(copy)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_bundle_error(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError):
        load(folder)


def test_a_huge_manifest_is_not_read(copy):
    with (copy / "manifest.json").open("wb") as file:
        file.truncate(9 * 2**20)
    with pytest.raises(BundleError, match="too large"):
        load(copy)


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "pictures"},
        {},
        {"type": "tokens", "tokenizer": "tokenizer.json", "pad_id": 0},
        {"type": "tokens", "tokenizer": "tokenizer.json", "max_length": "many", "pad_id": 0},
        {"type": "tokens", "tokenizer": "../tokenizer.json", "max_length": 8, "pad_id": 0},
        {"type": "tokens", "max_length": 8, "pad_id": 0},
    ],
)
def test_a_damaged_input_is_a_bundle_error(copy, wrong):
    change_manifest(copy, input=wrong)
    with pytest.raises(BundleError):
        load(copy)


def test_no_bundle_says_how_to_make_one(tmp_path):
    with pytest.raises(BundleError, match="penjing fit"):
        load(tmp_path / "nothing")


def test_the_linear_engine_does_not_run_a_token_bundle(tiny_bundle, tiny_linear_bundle):
    with pytest.raises(BundleError, match="onnxruntime"):
        load(tiny_bundle, engine="linear")
    with pytest.raises(BundleError, match="linear"):
        load(tiny_linear_bundle, engine="onnxruntime")


def test_an_unknown_engine_is_named(tiny_bundle):
    with pytest.raises(EngineError, match="tensorrt"):
        load(tiny_bundle, engine="tensorrt")


def test_a_multi_label_answer_that_is_unsure_of_a_label_abstains(tmp_path):
    sure, unsure = (
        load(token_bundle(tmp_path / str(limit), outputs={"labels": ("bad", "good"), "multi_label": True,
             "abstain_below": limit})).predict(["good"])[0] for limit in (0.5, 0.9999)
    )  # fmt: skip
    assert sure.label != "abstain"
    assert (unsure.label, unsure.labels) == ("abstain", ("abstain",))
