"""Peers that are no bundles, measured in processes of their own: python -m benchmarks.systems NAME FOLDER."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.engines.openvino import OpenVinoEngine
from penjing.engines.tokens import TokenEncoder
from penjing.measure.worker import System, refuse, serve

Batch = dict[str, NDArray[np.int64]]


class Pytorch:
    """The teacher as its users run it: transformers' BertModel in float32, mean-pooled, with its linear head."""

    def __init__(self, folder: Path, threads: int) -> None:
        import torch
        from safetensors.torch import load_file
        from transformers import BertModel

        torch.set_num_threads(threads)
        self._torch = torch
        self._encoder = _tokens(folder)
        self._model = BertModel.from_pretrained(folder, add_pooling_layer=False).eval()
        self._head = load_file(folder / "head.safetensors")

    def encode(self, texts: Sequence[str]) -> Batch:
        """Return piece ids and mask."""
        return self._encoder.encode(texts)

    def run(self, batch: Batch) -> NDArray[np.float32]:
        """Return logits."""
        torch = self._torch
        with torch.inference_mode():
            ids, mask = (torch.from_numpy(batch[name]) for name in ("input_ids", "attention_mask"))
            states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
            weights = mask.to(states.dtype)
            pooled = (states * weights[:, :, None]).sum(1) / weights.sum(1, keepdim=True)
            return (pooled @ self._head["weight"].T + self._head["bias"]).numpy()


class OpenVinoModel:
    """A model in OpenVINO's own format."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._encoder = _tokens(folder)
        self._engine = OpenVinoEngine(folder / "model.xml", threads=threads)

    def encode(self, texts: Sequence[str]) -> Batch:
        """Return piece ids and mask."""
        return self._encoder.encode(texts)

    def run(self, batch: Batch) -> NDArray[np.float32]:
        """Return logits."""
        return self._engine.run(batch)


SYSTEMS: Mapping[str, Callable[[Path, int], System]] = {"pytorch": Pytorch, "openvino-ir": OpenVinoModel}


def system_command(name: str, folder: Path, *, threads: int) -> list[str]:
    """Return the command that serves one of `SYSTEMS`."""
    return [sys.executable, "-m", "benchmarks.systems", name, str(folder), "--threads", str(threads)]


def _tokens(folder: Path) -> TokenEncoder:
    settings: dict[str, Any] = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))
    return TokenEncoder.from_settings(settings, folder)


def main() -> None:
    """Serve the system named on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=SYSTEMS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    found = parser.parse_args()
    try:
        system = SYSTEMS[found.name](found.folder, found.threads)
    except Exception as error:
        refuse(error)
    else:
        serve(system)


if __name__ == "__main__":
    main()
