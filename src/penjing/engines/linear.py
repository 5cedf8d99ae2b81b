"""The linear engine: a sparse row times a weight matrix, in numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from penjing.engines.base import Batch, Logits
from penjing.errors import EngineError


class LinearEngine:
    """Logits of hashed n-grams; a binary model has one row of weights and answers (0, logit)."""

    name = "linear"

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        try:
            tensors = load_file(path)
            self._weights: NDArray[np.float32] = np.ascontiguousarray(tensors["weight"].T, np.float32)
            self._bias = tensors["bias"].astype(np.float32)
        except (OSError, SafetensorError, KeyError) as error:
            raise EngineError("the linear model cannot be read", value=str(error)) from error

    def run(self, batch: Batch) -> Logits:
        """Return logits (batch, labels)."""
        indptr = batch["indptr"].astype(np.int64)
        products = self._weights[batch["indices"].astype(np.int64)] * batch["values"].astype(np.float32)[:, None]
        sums = np.zeros((len(indptr) - 1, self._weights.shape[1]), np.float32)
        filled = np.flatnonzero(np.diff(indptr))
        if len(filled):
            sums[filled] = np.add.reduceat(products, indptr[filled], axis=0)
        logits = sums + self._bias
        return logits if logits.shape[1] > 1 else np.concatenate([np.zeros_like(logits), logits], axis=1)
