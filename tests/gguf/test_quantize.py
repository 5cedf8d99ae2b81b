"""llama.cpp's quantizers, called from here, write what the gguf package reads."""

import gguf
import numpy as np
import pytest

from penjing.errors import ModelError
from penjing.gguf.quantize import bits_per_weight, dequantize, fits, quantize
from penjing.shrink.gguf_types import TYPES

WEIGHTS = np.random.default_rng(0).normal(size=(8, 512)).astype(np.float32)


@pytest.mark.parametrize("name", TYPES)
def test_what_is_written_is_read_back_near(name):
    stored = quantize(WEIGHTS, name)
    assert stored.nbytes * 8 / WEIGHTS.size == bits_per_weight(name)
    assert np.abs(dequantize(stored, name) - WEIGHTS).max() < 2.0 ** (3 - bits_per_weight(name)) * 3


def test_eight_bits_are_those_of_the_gguf_package():
    theirs = gguf.quants.quantize(WEIGHTS, gguf.GGMLQuantizationType.Q8_0)
    assert np.abs(dequantize(quantize(WEIGHTS, "Q8_0"), "Q8_0") - dequantize(theirs, "Q8_0")).max() < 1e-3


def test_important_columns_are_rounded_better():
    importance = np.where(np.arange(512) % 32 < 4, 1000.0, 1.0).astype(np.float32)
    errors = [
        np.square(dequantize(quantize(WEIGHTS, "Q4_0", importance=given), "Q4_0") - WEIGHTS) @ importance
        for given in (None, importance)
    ]
    assert errors[1].sum() < errors[0].sum()


@pytest.mark.parametrize("name", TYPES)
def test_columns_that_nothing_uses_do_no_harm(name):
    importance = np.where(np.arange(512) < 256, 1.0, 0.0).astype(np.float32)
    read_back = dequantize(quantize(WEIGHTS, name, importance=importance), name)
    assert np.isfinite(read_back).all()
    assert np.abs(read_back - WEIGHTS).max() < 2.0 ** (3 - bits_per_weight(name)) * 3


def test_weights_that_are_no_numbers_are_refused():
    with pytest.raises(ModelError, match="not finite"):
        quantize(np.full((1, 32), np.nan, np.float32), "Q8_0")


def test_rows_that_do_not_fit_are_refused():
    assert not fits("Q4_K", 640)
    with pytest.raises(ModelError, match="rows of this length"):
        quantize(WEIGHTS[:, :64], "Q4_K")
    with pytest.raises(ModelError, match="one importance a column"):
        quantize(WEIGHTS, "Q4_0", importance=np.ones(3, np.float32))
