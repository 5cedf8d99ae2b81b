"""The openvino engine: the same model.onnx, compiled by OpenVINO for the CPU (extra `openvino`)."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np

from penjing.engines.base import Batch, Logits
from penjing.errors import EngineError, MissingExtraError


class OpenVinoEngine:
    """Runs an ONNX file in OpenVINO, in float32 where it is float32."""

    name = "openvino"

    def __init__(self, path: Path, *, threads: int = 2) -> None:
        try:
            import openvino
        except ImportError:
            raise MissingExtraError("openvino", extra="openvino") from None
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",  # bfloat16 would move logits by 1e-3
        }
        try:
            self._request = openvino.Core().compile_model(str(path), "CPU", settings).create_infer_request()
        except RuntimeError as error:
            raise EngineError("OpenVINO cannot load the model", value=str(error)) from error

    def run(self, batch: Batch) -> Logits:
        """Return logits (batch, labels)."""
        return cast(Logits, np.array(self._request.infer(dict(batch))["logits"]))
