"""The linear engine: a sparse row times a weight matrix in int8, in numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from penjing.engines.base import Batch, Logits
from penjing.errors import EngineError


class LinearEngine:
    """Logits of hashed n-grams, those it does not know left out; a binary model has one column: (0, logit)."""

    name = "linear"

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        try:
            tensors = load_file(path)
            self._buckets: NDArray[np.int64] = tensors["buckets"].astype(np.int64)
            self._weights: NDArray[np.float32] = tensors["weight"] * tensors["scale"][:, None].astype(np.float32)
            self._bias = tensors["bias"].astype(np.float32)
        except (OSError, SafetensorError, KeyError, IndexError) as error:
            raise EngineError("the linear model cannot be read", value=str(error)) from error

    def run(self, batch: Batch) -> Logits:
        """Return logits (batch, labels)."""
        indptr, indices = batch["indptr"].astype(np.int64), batch["indices"].astype(np.int64)
        places = np.minimum(np.searchsorted(self._buckets, indices), len(self._buckets) - 1)
        values = np.where(self._buckets[places] == indices, batch["values"], 0).astype(np.float32)
        products = self._weights[places] * values[:, None]
        sums = np.zeros((len(indptr) - 1, self._weights.shape[1]), np.float32)
        filled = np.flatnonzero(np.diff(indptr))
        if len(filled):
            sums[filled] = np.add.reduceat(products, indptr[filled], axis=0)
        logits = sums + self._bias
        return logits if logits.shape[1] > 1 else np.concatenate([np.zeros_like(logits), logits], axis=1)
