"""The weights of an OpenVINO language model in eight or four bits, by NNCF.

Embeddings and the last layer have eight bits in either case, and so has what is left of the layers where a share of
them has four. Given pieces of texts, NNCF says by their activations which layers those are, moves scales between
activations and weights (Lin et al. 2023, "AWQ") and corrects them against the error that is left (NNCF's
documentation, "Weights compression": scale estimation).
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.errors import ExportError, MissingExtraError
from penjing.export.openvino_text import MODEL

Ids = NDArray[np.int32]

_GROUP = 64  # columns that share a scale; fewer where a layer's columns are no multiple of it


def compress_weights(source: Path, folder: Path, *, four_bits: float, samples: Sequence[Ids] = ()) -> None:
    """Write the model in `source` into the new `folder`, this share of its layers in four bits, the others in eight.

    Raises:
        ExportError: NNCF cannot do it with this model.
        MissingExtraError: nncf is not installed.
    """
    try:
        import nncf
        import openvino
    except ImportError as error:
        raise MissingExtraError(error.name or "nncf", extra="nncf") from None
    nncf.set_log_level(logging.ERROR)
    model = openvino.Core().read_model(source / MODEL)
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):  # its bars
            model = nncf.compress_weights(model, **_settings(nncf, four_bits, samples))
    except Exception as error:  # NNCF's own exceptions share no base but Exception
        raise ExportError("NNCF cannot round the weights of this model", value=str(source), rule=str(error)) from error
    folder.mkdir()
    for path in sorted(source.glob("openvino_*tokenizer.*")):
        shutil.copyfile(path, folder / path.name)
    openvino.save_model(model, folder / MODEL)


def _settings(nncf: Any, four_bits: float, samples: Sequence[Ids]) -> dict[str, Any]:
    if not four_bits:
        return {"mode": nncf.CompressWeightsMode.INT8_ASYM}
    fallback = nncf.quantization.advanced_parameters.GroupSizeFallbackMode.ADJUST
    found: dict[str, Any] = {
        "mode": nncf.CompressWeightsMode.INT4_ASYM,
        "ratio": four_bits,
        "group_size": _GROUP,
        "advanced_parameters": nncf.AdvancedCompressionParameters(group_size_fallback_mode=fallback),
    }
    if not samples:
        return found
    dataset = nncf.Dataset([as_inputs(ids) for ids in samples])
    return {**found, "dataset": dataset, "subset_size": len(samples), "awq": True, "scale_estimation": True}


def as_inputs(ids: Ids) -> dict[str, NDArray[Any]]:
    """Return what a model that OpenVINO GenAI made takes to read these pieces at once."""
    length = len(ids)
    return {
        "input_ids": ids[None].astype(np.int64),
        "attention_mask": np.ones((1, length), np.int64),
        "position_ids": np.arange(length, dtype=np.int64)[None],
        "beam_idx": np.zeros(1, np.int32),
    }
