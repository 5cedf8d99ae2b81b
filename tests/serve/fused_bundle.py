"""A bundle for rows with several inputs, made in the test; it learned nothing."""

from __future__ import annotations

import onnx

from penjing.bundle.golden import GOLDEN_NAME, write_golden
from penjing.bundle.manifest import Golden, Manifest, Outputs
from penjing.bundle.read import load
from penjing.bundle.write import stamp, write_bundle
from penjing.engines.mixed import MIXED_TYPE
from penjing.engines.mixed_inputs import AudioInput, CategoryInput, ImageInput, NumberInput, TextInput
from penjing.export.onnx_fused import fused_to_onnx
from penjing.pictures.frame import Frame
from penjing.search.precision import arrays_of
from penjing.serve.classifier import open_classifier
from penjing.serve.files import FileClassifier
from penjing.sounds.spectrogram import Spectrogram
from penjing.train.fused import FusedShape, InputShape, new_fused

READS = (
    ImageInput(name="photo", frame=Frame(size=8)),
    AudioInput(name="voice", spectrogram=Spectrogram(bands=16, moments=16, seconds=0.2)),
    TextInput(name="note", buckets=64),
    NumberInput(name="price", mean=10.0, deviation=2.0),
    CategoryInput(name="shop", values=("north", "south")),
)


def write_orders(folder):
    """Write the bundle into `folder`, and return its path."""
    shapes = (
        InputShape("photo", "image", 8, 8, 3, (100.0,) * 3, (50.0,) * 3),
        InputShape("voice", "audio", 16, 16, 1, (100.0,), (50.0,)),
        InputShape("note", "text", rows=64),
        InputShape("price", "number"),
        InputShape("shop", "category", rows=3),
    )
    shape = FusedShape(shapes, hidden=16, heads=(1,), ffn=(32,), labels=2, widths=(4, 8))
    model = new_fused(shape, seed=0).eval()
    onnx.save(fused_to_onnx(shape, arrays_of(model)), folder / "model.onnx")
    golden = ['{"note": "很好", "price": 3}', '{"shop": "north"}']
    manifest = Manifest(
        **stamp(), name="orders", kind="fused", engine="onnxruntime", model="model.onnx",
        input={"type": MIXED_TYPE, "inputs": [one.model_dump(mode="json") for one in READS]},
        outputs=Outputs(labels=("kept", "returned")), recipe=(), task={"name": "orders"},
        golden=Golden(n=2, isa="any", tolerance=0.01),
    )  # fmt: skip
    files = {"model.onnx": folder / "model.onnx"}
    write_bundle(folder / "raw", manifest, files)
    write_golden(folder / GOLDEN_NAME, golden, load(folder / "raw").logits(golden), ("kept", "returned"))
    write_bundle(folder / "bundle", manifest, {**files, GOLDEN_NAME: folder / GOLDEN_NAME})
    return folder / "bundle"


def fused_service(folder):
    """Return what opens the bundle for a server."""
    return lambda services: open_classifier(
        "orders", folder, threads=1, limits=services.limits, metrics=services.metrics, service=FileClassifier
    )
