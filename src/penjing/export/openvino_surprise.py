"""What a language model in OpenVINO makes of texts, piece by piece: bits per byte as it computes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from penjing.errors import MissingExtraError
from penjing.export.openvino_text import MODEL
from penjing.export.openvino_weights import as_inputs
from penjing.measure.bits import Surprise
from penjing.train.windows import Windows


def openvino_surprise(
    folder: Path,
    windows: Windows,
    *,
    threads: int,
    progress: Callable[[float, float], None] = lambda done, total: None,
) -> Surprise:
    """Return what the model in `folder` makes of each passage of `windows`.

    Raises:
        MissingExtraError: openvino is not installed.
    """
    try:
        import openvino
    except ImportError:
        raise MissingExtraError("openvino", extra="openvino") from None
    settings = {"INFERENCE_NUM_THREADS": threads}
    request = openvino.Core().compile_model(str(folder / MODEL), "CPU", settings).create_infer_request()
    nats = np.zeros(len(windows.n_bytes))
    for row in range(len(windows)):
        ids = windows.tokens.ids[windows.tokens.starts[row] : windows.tokens.starts[row + 1]]
        request.reset_state()
        logits = request.infer(as_inputs(ids))["logits"][0]
        start = int(windows.scored_from[row])
        nats[windows.passage[row]] += piece_nats(logits[start - 1 : -1], ids[start:])
        progress(row + 1, len(windows))
    return Surprise(nats, windows.n_bytes)


def piece_nats(logits: NDArray[np.float32], pieces: NDArray[np.int32]) -> float:
    """Return -log p of `pieces` together, one row of logits each.

    >>> round(piece_nats(np.zeros((2, 4), np.float32), np.array([0, 3], np.int32)), 3)
    2.773
    """
    wide = logits.astype(np.float64)
    most = wide.max(axis=1)
    total = np.log(np.exp(wide - most[:, None]).sum(axis=1)) + most
    return float((total - wide[np.arange(len(pieces)), pieces]).sum())
