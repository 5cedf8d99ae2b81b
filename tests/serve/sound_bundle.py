"""A bundle for sounds, made in the test: what is low, and what is high."""

from __future__ import annotations

import numpy as np
import onnx

from penjing.bundle.golden import GOLDEN_NAME, write_golden
from penjing.bundle.manifest import Golden, Manifest, Outputs
from penjing.bundle.read import load
from penjing.bundle.write import stamp, write_bundle
from penjing.export.onnx_picture_linear import linear_to_onnx
from penjing.serve.classifier import open_classifier
from penjing.serve.files import FileClassifier
from penjing.sounds.read import flac
from penjing.sounds.spectrogram import Spectrogram
from penjing.train.picture_linear import PictureLinear
from tests.sounds.made import tone

LABELS = ("low", "high")
PITCHES = {"low": 200.0, "high": 5_000.0}
HEARD = Spectrogram(bands=16, moments=16, seconds=0.32)


def write_pitches(folder):
    """Write the bundle into `folder`, and return its path."""
    halves = np.repeat(np.array([1, -1], np.float32), 8 * 16)
    model = PictureLinear(np.stack([halves, -halves]) / 2_000, np.zeros(2, np.float32), step=1)
    onnx.save(linear_to_onnx(model, shape=HEARD.shape), folder / "model.onnx")
    golden = [flac(tone(PITCHES[label], 0.3)) for label in LABELS]
    manifest = Manifest(
        **stamp(), name="pitches", kind="audio", engine="onnxruntime", model="model.onnx", input=HEARD.settings(),
        outputs=Outputs(labels=LABELS), recipe=(), task={"name": "pitches"},
        golden=Golden(n=len(golden), isa="any", tolerance=0.01),
    )  # fmt: skip
    files = {"model.onnx": folder / "model.onnx"}
    write_bundle(folder / "raw", manifest, files)
    write_golden(folder / GOLDEN_NAME, golden, load(folder / "raw").logits(golden), LABELS)
    write_bundle(folder / "bundle", manifest, {**files, GOLDEN_NAME: folder / GOLDEN_NAME})
    return folder / "bundle"


def pitches_service(folder, name="pitches"):
    """Return what opens the bundle for a server."""
    return lambda services: open_classifier(
        name, folder, threads=1, limits=services.limits, metrics=services.metrics, service=FileClassifier
    )
