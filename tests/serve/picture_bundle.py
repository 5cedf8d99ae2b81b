"""A bundle that says whether the upper or the lower half of a picture is brighter."""

import numpy as np
import onnx

from penjing.bundle.golden import GOLDEN_NAME, write_golden
from penjing.bundle.manifest import Golden, Manifest, Outputs
from penjing.bundle.read import load
from penjing.bundle.write import stamp, write_bundle
from penjing.export.onnx_picture_linear import linear_to_onnx
from penjing.pictures.frame import png
from penjing.serve.classifier import open_classifier
from penjing.serve.files import FileClassifier
from penjing.train.picture_linear import PictureLinear

LABELS = ("upper", "lower")


def half(label, seed=0):
    """Return a picture, 8 x 8, that is brighter in one half."""
    values = np.random.default_rng(seed).integers(0, 90, (8, 8, 3)).astype(np.uint8)
    values[slice(0, 4) if label == "upper" else slice(4, 8)] += 120
    return values


def write_halves(folder):
    """Write the bundle into `folder`, and return its path."""
    halves = np.repeat(np.array([1, 1, -1, -1], np.float32), 4 * 3)
    model = PictureLinear(np.stack([halves, -halves]) / 100, np.zeros(2, np.float32), step=2)
    onnx.save(linear_to_onnx(model, shape=(8, 8, 3)), folder / "model.onnx")
    golden = [png(half(label, seed)) for seed, label in enumerate((*LABELS, "upper"))]
    manifest = Manifest(
        **stamp(), name="halves", kind="image", engine="onnxruntime", model="model.onnx",
        input={"type": "pixels", "size": 8, "channels": 3}, outputs=Outputs(labels=LABELS), recipe=(),
        task={"name": "halves"}, golden=Golden(n=len(golden), isa="any", tolerance=0.01),
    )  # fmt: skip
    files = {"model.onnx": folder / "model.onnx"}
    write_bundle(folder / "raw", manifest, files)
    write_golden(folder / GOLDEN_NAME, golden, load(folder / "raw").logits(golden), LABELS)
    write_bundle(folder / "bundle", manifest, {**files, GOLDEN_NAME: folder / GOLDEN_NAME})
    return folder / "bundle"


def halves_service(folder, name="halves"):
    """Return what opens the bundle for a server."""
    return lambda services: open_classifier(
        name, folder, threads=1, limits=services.limits, metrics=services.metrics, service=FileClassifier
    )
