"""What every engine keeps to."""

from __future__ import annotations

import numpy as np
import pytest

from penjing.bundle.read import load
from penjing.engines import ENGINES, open_engine
from penjing.errors import EngineError

TEXTS = [
    "good film",
    "bad",
    "很好，非常好",
    "🎉 e\u0301 ﬁlm",
    "",
    " ",
    "good " * 5000,
    "\u0000 \ud7ff",
    *"abcdefghijklm",
] * 2


@pytest.fixture(params=sorted(ENGINES))
def bundle(request, tiny_bundle, tiny_linear_bundle):
    if request.param == "openvino":
        pytest.importorskip("openvino")
    folder = tiny_linear_bundle if request.param == "linear" else tiny_bundle
    return load(folder, engine=request.param, threads=1)


def test_a_row_does_not_depend_on_its_batch(bundle):
    alone = np.concatenate([bundle.run(bundle.encode([text])) for text in TEXTS])
    for size in (8, 32):
        together = np.concatenate(
            [bundle.run(bundle.encode(TEXTS[start : start + size])) for start in range(0, len(TEXTS), size)]
        )
        np.testing.assert_allclose(together, alone, atol=1e-5)
        assert (together.argmax(1) == alone.argmax(1)).all()


def test_sorting_by_length_keeps_the_order(bundle):
    alone = np.concatenate([bundle.run(bundle.encode([text])) for text in TEXTS])
    np.testing.assert_allclose(bundle.logits(TEXTS, batch_size=4), alone, atol=1e-5)
    assert len(np.unique(alone.round(4), axis=0)) > 3  # or the order could not show


def test_logits_are_float32_rows(bundle):
    found = bundle.run(bundle.encode(["good", "bad", "film"]))
    assert found.dtype == np.float32
    assert found.shape == (3, 2)
    assert np.isfinite(found).all()


def test_no_texts_give_no_rows(bundle):
    assert bundle.logits([]).shape == (0, 2)
    assert bundle.predict([]) == []


def test_earlier_answers_stay(bundle):
    first = bundle.run(bundle.encode(["good"]))
    kept = first.copy()
    bundle.run(bundle.encode(["bad"]))
    np.testing.assert_array_equal(first, kept)


def test_one_length_a_text(bundle):
    lengths = bundle._encoder.lengths(["a", "a b c d", "good " * 5000])
    assert lengths[0] < lengths[1] < lengths[2]


def test_an_engine_carries_its_name(bundle):
    assert bundle.engine in ENGINES


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_a_damaged_model_is_an_engine_error(name, tmp_path):
    if name == "openvino":
        pytest.importorskip("openvino")
    model = tmp_path / ("model.safetensors" if name == "linear" else "model.onnx")
    model.write_bytes(b"not a model at all")
    with pytest.raises(EngineError):
        open_engine(name, model, threads=1)


def test_an_unknown_engine_names_the_known_ones(tmp_path):
    with pytest.raises(EngineError, match="linear, onnxruntime, openvino"):
        open_engine("tensorrt", tmp_path, threads=1)
