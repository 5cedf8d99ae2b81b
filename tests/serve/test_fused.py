"""/v1/fused/classify: rows with several inputs, what is missing said; paths are never read."""

from base64 import b64encode

import numpy as np
import pytest

from penjing.bundle.golden import GOLDEN_NAME, write_golden
from penjing.bundle.manifest import Golden, Manifest, Outputs
from penjing.bundle.read import load
from penjing.bundle.write import stamp, write_bundle
from penjing.engines.mixed import MIXED_TYPE
from penjing.engines.mixed_inputs import AudioInput, CategoryInput, ImageInput, NumberInput, TextInput, as_category
from penjing.export.onnx_fused import fused_to_onnx
from penjing.pictures.frame import Frame, png
from penjing.search.precision import arrays_of
from penjing.serve.classifier import open_classifier
from penjing.serve.files import FileClassifier
from penjing.serve.routes.fused import FusedRequest
from penjing.serve.settings import Limits
from penjing.sounds.spectrogram import Spectrogram
from penjing.train.fused import FusedShape, InputShape, new_fused
from tests.serve.picture_bundle import half
from tests.serve.running import running, services_of
from tests.sounds.made import stored, tone

READS = (
    ImageInput(name="photo", frame=Frame(size=8)),
    AudioInput(name="voice", spectrogram=Spectrogram(bands=16, moments=16, seconds=0.2)),
    TextInput(name="note", buckets=64),
    NumberInput(name="price", mean=10.0, deviation=2.0),
    CategoryInput(name="shop", values=("north", "south")),
)
PHOTO, VOICE = png(half("upper", 1)), stored(tone(300.0, 0.2))
LIMITS = Limits(items=3, body_bytes=2_000, file_body_bytes=100_000, sound_s=2.0)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    import onnx

    folder = tmp_path_factory.mktemp("fused")
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


@pytest.fixture(scope="module")
def client(bundle):
    with running(services_of(fused_service(bundle), limits=LIMITS)) as found:
        yield found


def _row(**more):
    encoded = {"photo": b64encode(PHOTO).decode(), "voice": b64encode(VOICE).decode()}
    return {**encoded, "note": "很好", "price": 12.5, "shop": "north", **more}


def test_a_whole_row_and_one_that_lacks_most(client, bundle):
    status, _, found = client.post("/v1/fused/classify", {"inputs": [_row(), {"note": "很好"}], "top": 1})
    assert status == 200, found
    assert [one["missing"] for one in found["results"]] == [[], ["photo", "voice", "price", "shop"]]
    whole = {"photo": PHOTO, "voice": VOICE, "note": "很好", "price": 12.5, "shop": "north"}
    expected = load(bundle).predict([whole, {"note": "很好"}])
    assert [one["label"] for one in found["results"]] == [one.label for one in expected]
    scores = [one["labels"][0]["score"] for one in found["results"]]
    assert np.allclose(scores, [one.score for one in expected], atol=1e-5)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({}, "invalid_fused"), ({"colour": "red"}, "invalid_fused"), ({"price": "dear"}, "invalid_fused"),
        ({"photo": "/etc/hostname"}, "invalid_image"), ({"photo": "file:///etc/hostname"}, "invalid_image"),
        ({"photo": b64encode(b"/etc/hostname").decode()}, "invalid_fused"), ({"voice": 7}, "invalid_value"),
        ({"voice": b64encode(stored(tone(seconds=3.0, rate=8_000), rate=8_000)).decode()}, "invalid_fused"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_and_paths_are_not_read(client, row, code):
    status, _, found = client.post("/v1/fused/classify", {"inputs": row})
    assert (status, found["error"]["code"]) == (400, code)
    status, _, found = client.post("/v1/fused/classify", {"inputs": [row, {"price": 3}]})
    assert status == 200
    assert found["results"][0]["error"]["code"] == code
    assert found["results"][1]["label"] in {"kept", "returned"}


def test_whole_numbers_are_categories_too():
    assert [as_category(value) for value in (3, 3.0, "3", 2.5, True)] == ["3", "3", "3", "2.5", "true"]
    assert FusedRequest.model_validate_json('{"inputs": {"shop": 3}}').inputs == {"shop": 3}
    assert isinstance(FusedRequest.model_validate_json('{"inputs": {"shop": 3}}').inputs["shop"], int)


def test_too_many_rows_and_other_routes_are_refused(client):
    assert client.post("/v1/fused/classify", {"inputs": [{"price": 1}] * 4})[2]["error"]["code"] == "limit_exceeded"
    assert client.post("/v1/fused/classify", {"inputs": []})[0] == 400
    assert client.post("/v1/fused/classify", {"inputs": {"price": [1]}})[0] == 400
    assert client.post("/v1/images/classify", PHOTO, Content_Type="image/png")[2]["error"]["code"] == "wrong_kind"
    body = {"model": "orders", "messages": [{"role": "user", "content": "x"}]}
    assert client.post("/v1/chat/completions", body)[0] == 400
    [model] = client.get("/info")[2]["models"]
    assert model["inputs"][4] == {"name": "shop", "kind": "category", "values": ["north", "south"]}
