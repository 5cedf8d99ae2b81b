"""Whether an exported file answers as the model it came from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from penjing.errors import ExportError
from penjing.train.batches import Tokens, sorted_batches

TOLERANCE = 1e-3
_BATCH = 32


def onnx_logits(model: onnx.ModelProto, tokens: Tokens) -> NDArray[np.float32]:
    """Return what onnxruntime answers for `tokens`: (texts, labels)."""
    session = _session(model)
    parts: dict[int, NDArray[np.float32]] = {}
    for indices in sorted_batches(tokens.lengths, size=_BATCH):
        ids, mask = tokens.batch(indices)
        inputs = {"input_ids": ids.numpy(), "attention_mask": mask.numpy().astype(np.int64)}
        (logits,) = session.run(["logits"], inputs)
        parts |= dict(zip(indices.tolist(), logits, strict=True))
    return np.stack([parts[index] for index in range(len(tokens))])


def run_onnx(model: onnx.ModelProto, inputs: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float32]:
    """Return the logits that onnxruntime gives for one batch."""
    session = _session(model)
    return np.asarray(session.run(["logits"], dict(inputs))[0], np.float32)


def _session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def check_parity(exported: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Return the largest |difference| of a logit.

    Raises:
        ExportError: it is over the tolerance (0.001), so the file would not answer as the model.
    """
    difference = float(np.abs(exported - expected).max())
    if not difference <= TOLERANCE:
        raise ExportError(
            "the exported ONNX file does not answer as the model",
            value=f"largest difference of a logit {difference:.2g}",
            rule=f"at most {TOLERANCE}",
            next_step="Please report this with the model's name: the export has a bug",
        )
    return difference
