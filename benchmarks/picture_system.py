"""Models of pictures as they are trained, in PyTorch's float32: python -m benchmarks.picture_system KIND FOLDER FRAME.

KIND is vit or convnet, FRAME the JSON of a `penjing.pictures.frame.Frame`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.engines.base import Batch
from penjing.engines.pixels import PixelEncoder
from penjing.measure.worker import serve
from penjing.pictures.frame import Frame


class PytorchPictures:
    """A Vision Transformer or a convnet."""

    def __init__(self, kind: str, folder: Path, frame: Frame, *, threads: int) -> None:
        import torch

        from penjing.train.convnet import load_convnet
        from penjing.train.vision_checkpoint import load_vision

        torch.set_num_threads(threads)
        self._torch, self._encoder = torch, PixelEncoder(frame)
        self._model: Any = load_vision(folder) if kind == "vit" else load_convnet(folder)

    def encode(self, files: Sequence[str]) -> Batch:
        """Return pixels."""
        return self._encoder.encode(files)

    def run(self, batch: Batch) -> NDArray[np.float32]:
        """Return logits."""
        with self._torch.inference_mode():
            found: NDArray[np.float32] = self._model(self._torch.from_numpy(batch["pixels"])).logits.numpy()
        return found


def picture_command(kind: str, folder: Path, frame: Frame, *, threads: int) -> list[str]:
    """Return the command that serves such a model."""
    told = [kind, str(folder), frame.model_dump_json(), "--threads", str(threads)]
    return [sys.executable, "-m", "benchmarks.picture_system", *told]


def main() -> None:
    """Serve the model named on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["vit", "convnet"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("frame")
    parser.add_argument("--threads", type=int, default=2)
    found = parser.parse_args()
    frame = Frame.model_validate_json(found.frame)
    serve(PytorchPictures(found.kind, found.folder, frame, threads=found.threads))


if __name__ == "__main__":
    main()
