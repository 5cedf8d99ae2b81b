import json
import shutil

import numpy as np
import pytest

from penjing.bundle.golden import GoldenRow, choose_texts, compare, read_golden
from penjing.bundle.manifest import Outputs
from penjing.bundle.read import Bundle
from penjing.bundle.verify import verify
from penjing.errors import BundleError
from penjing.measure.machine import instruction_set
from tests.conftest import GOLDEN_TEXTS
from tests.small import golden_bundle, token_bundle


def test_an_unchanged_bundle_is_ok(tiny_bundle):
    found = verify(tiny_bundle)
    assert found.ok
    assert found.golden.n == len(GOLDEN_TEXTS)
    assert (found.golden.labels_changed, found.batch_labels_changed) == (0, 0)
    assert (found.made_on, found.here, found.engine) == ("avx2", instruction_set(), "onnxruntime")


def test_another_engine_gives_the_same_answers(tiny_bundle):
    pytest.importorskip("openvino")
    assert verify(tiny_bundle, engine="openvino").ok


def test_logits_beyond_the_tolerance_are_not_ok(tmp_path):
    found = verify(golden_bundle(tmp_path, ["good", "bad"], shift=0.01))
    assert not found.ok
    assert found.golden.labels_changed == 0
    assert found.golden.largest_difference == pytest.approx(0.01, abs=1e-4)


def test_logits_within_the_tolerance_are_ok(tmp_path):
    assert verify(golden_bundle(tmp_path, ["good", "bad"], shift=0.0005)).ok


def test_a_changed_file_is_refused(tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    rows = (folder / "golden.jsonl").read_text(encoding="utf-8").replace("good", "goof")
    (folder / "golden.jsonl").write_text(rows, encoding="utf-8")
    with pytest.raises(BundleError, match="golden"):
        verify(folder)


def test_a_bundle_without_golden_answers_says_so(tmp_path):
    with pytest.raises(BundleError, match="golden"):
        verify(token_bundle(tmp_path))


def test_multi_label_bundles_verify(tmp_path):
    outputs = Outputs(labels=("x", "y", "z"), multi_label=True)
    assert verify(golden_bundle(tmp_path, ["good", "bad", "film"], outputs=outputs)).ok


def test_a_label_that_depends_on_the_batch_is_counted(tmp_path, monkeypatch):
    outputs = Outputs(labels=("x", "y", "z"), multi_label=True)
    folder = golden_bundle(tmp_path, ["good", "bad"], outputs=outputs)
    second = {1: 1.0, 8: -1.0, 32: 1.0}  # never the largest, so that only the threshold shows it
    monkeypatch.setattr(
        Bundle,
        "logits",
        lambda _, texts, *, batch_size: np.float32([[3.0, second[batch_size], -3.0]] * len(texts)),
    )
    assert verify(folder).batch_labels_changed == 2


@pytest.mark.parametrize("line", ["{", "[]", json.dumps({"text": "a", "logits": "b", "label": "c"})])
def test_damaged_golden_rows_are_a_bundle_error(tmp_path, line):
    (tmp_path / "golden.jsonl").write_text(line + "\n", encoding="utf-8")
    with pytest.raises(BundleError, match="damaged"):
        read_golden(tmp_path)


def test_a_text_with_line_separators_is_one_row(tmp_path):
    texts = ["good\u2028film", "bad\x85film\x0c"]
    folder = golden_bundle(tmp_path, texts)
    assert [row.text for row in read_golden(folder)] == texts


def test_compare_counts_changed_labels():
    rows = [
        GoldenRow(text="a", logits=(0.0, 1.0), label="y"),
        GoldenRow(text="b", logits=(1.0, 0.0), label="x"),
    ]
    found = compare(rows, np.array([[0.0, 1.5], [0.0, 1.0]], np.float32))
    assert (found.n, found.labels_changed, found.largest_difference) == (2, 1, 1.0)


def test_not_a_number_is_a_difference():
    rows = [GoldenRow(text="a", logits=(0.0, 1.0), label="y")]
    found = compare(rows, np.array([[np.nan, 1.0]], np.float32))
    assert not found.largest_difference <= 1e6


def test_golden_texts_spread_over_the_lengths():
    texts = ["x" * (1 + i % 100) + str(i) for i in range(1000)]
    lengths = [len(text) for text in choose_texts(texts, count=64)]
    assert len(lengths) == 64
    assert (lengths[0], lengths[-1]) == (min(map(len, texts)), max(map(len, texts)))
    assert lengths == sorted(lengths)


def test_fewer_texts_than_asked_are_all_taken_once():
    assert choose_texts(["bb", "a", "bb"], count=64) == ["a", "bb"]
    assert choose_texts([], count=64) == []
