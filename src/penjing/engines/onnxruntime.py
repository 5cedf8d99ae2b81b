"""The onnxruntime engine: model.onnx on the CPU, with as many threads as asked for."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import onnxruntime

from penjing.engines.base import Batch, Logits
from penjing.errors import EngineError

_ERRORS_ONLY = 3


class OnnxRuntimeEngine:
    """Runs an ONNX file in onnxruntime."""

    name = "onnxruntime"

    def __init__(self, path: Path, *, threads: int = 2) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        self._options = onnxruntime.RunOptions()
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions share no base but Exception
            raise EngineError("onnxruntime cannot load the model", value=str(error)) from error

    def run(self, batch: Batch) -> Logits:
        """Return logits (batch, labels)."""
        return cast(Logits, self._session.run(["logits"], dict(batch), self._options)[0])

    def interrupt(self) -> None:
        """Make the batch that is running end with an error; later ones are not concerned."""
        self._options.terminate = True
        self._options = onnxruntime.RunOptions()
