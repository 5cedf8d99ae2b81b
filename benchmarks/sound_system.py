"""Whisper's features as they come with a linear classifier on top: python -m benchmarks.sound_system WHISPER HEAD.

Thirty seconds are heard, as Whisper is meant to; the features of the moments that hold the sound are averaged. WHISPER
is a package's name, HEAD an .npz of weights and biases. CTranslate2 runs the encoder, in float32.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from penjing.catalog.packages import find_model_package, locate_parts
from penjing.measure.worker import serve
from penjing.sounds.mel import log_mel
from penjing.sounds.read import RATE, Samples, Source, read_sound

_SECONDS, _HOP, _WINDOW = 30, RATE // 100, RATE // 40
_PLACE = 2 * _HOP  # samples for one place of the features


class WhisperFeatures:
    """The mean of what Whisper's encoder says of a sound."""

    def __init__(self, name: str, *, threads: int) -> None:
        import ctranslate2

        package = find_model_package(name)
        parts = locate_parts(package)
        beside = {
            path.name: path.read_bytes() for path in parts[0].parent.iterdir() if path.suffix in {".json", ".txt"}
        }
        files = {**beside, "model.bin": b"".join(part.read_bytes() for part in parts)}
        self._storage = ctranslate2.StorageView
        self._model = ctranslate2.models.Whisper(
            "whisper", device="cpu", compute_type="float32", intra_threads=threads, files=files
        )

    def features(self, sources: Sequence[Source]) -> NDArray[np.float32]:
        """Return (sounds, width)."""
        return np.concatenate([self._one(read_sound(source)) for source in sources])

    def _one(self, samples: Samples) -> NDArray[np.float32]:
        whole = samples[: _SECONDS * RATE]
        padded = np.pad(whole, (0, _SECONDS * RATE - len(whole)))
        mels = (log_mel(padded, bands=self._model.n_mels, hop=_HOP, window=_WINDOW) + 4) / 4
        found = np.array(self._model.encode(self._storage.from_array(np.ascontiguousarray(mels[None], np.float32))))
        heard = max(1, -(-len(whole) // _PLACE))
        return np.asarray(found[:, :heard].mean(axis=1), np.float32)


class Probe:
    """A linear classifier on Whisper's features."""

    def __init__(self, name: str, head: Path, *, threads: int) -> None:
        self._whisper = WhisperFeatures(name, threads=threads)
        with np.load(head, allow_pickle=False) as stored:
            self._weights, self._biases = stored["weights"], stored["biases"]

    def encode(self, files: Sequence[str]) -> Sequence[str]:
        """Return the files."""
        return files

    def run(self, batch: Sequence[str]) -> NDArray[np.float32]:
        """Return logits."""
        return np.asarray(self._whisper.features(batch) @ self._weights.T + self._biases, np.float32)


def probe_command(name: str, head: Path, *, threads: int) -> list[str]:
    """Return the command that serves a probe."""
    return [sys.executable, "-m", "benchmarks.sound_system", name, str(head), "--threads", str(threads)]


def main() -> None:
    """Serve the probe named on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("whisper")
    parser.add_argument("head", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    found = parser.parse_args()
    serve(Probe(found.whisper, found.head, threads=found.threads))


if __name__ == "__main__":
    main()
