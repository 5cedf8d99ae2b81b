"""Pictures over HTTP: as a body or in JSON, several at once, and everything that is no picture."""

import json
from base64 import b64encode

import numpy as np
import pytest

from penjing.bundle.manifest import Golden, Manifest, Outputs
from penjing.bundle.read import load
from penjing.bundle.write import stamp, write_bundle
from penjing.export.onnx_picture_linear import linear_to_onnx
from penjing.pictures.frame import png
from penjing.serve.classifier import open_classifier
from penjing.serve.pictures import PictureClassifier
from penjing.serve.settings import Limits
from penjing.train.picture_linear import PictureLinear
from tests.pictures.drawn import drawn, stored
from tests.serve.running import classifier, running, services_of

ROUTE = "/v1/images/classify"
LIMITS = Limits(items=4, body_bytes=2_000, picture_body_bytes=100_000)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """Return a bundle that says whether the upper or the lower half of a picture is brighter."""
    import onnx

    from penjing.bundle.golden import GOLDEN_NAME, write_golden

    folder = tmp_path_factory.mktemp("pictures")
    halves = np.repeat(np.array([1, 1, -1, -1], np.float32), 4 * 3)
    model = PictureLinear(np.stack([halves, -halves]) / 100, np.zeros(2, np.float32), step=2)
    onnx.save(linear_to_onnx(model, side=8, channels=3), folder / "model.onnx")
    manifest = Manifest(
        **stamp(), name="halves", kind="image", engine="onnxruntime", model="model.onnx",
        input={"type": "pixels", "size": 8, "channels": 3}, outputs=Outputs(labels=("upper", "lower")), recipe=(),
        task={"name": "halves"}, golden=Golden(n=3, isa="any", tolerance=0.01),
    )  # fmt: skip
    write_bundle(folder / "raw", manifest, {"model.onnx": folder / "model.onnx"})
    golden = [png(_half(label, seed)) for seed, label in enumerate(("upper", "lower", "upper"))]
    write_golden(folder / GOLDEN_NAME, golden, load(folder / "raw").logits(golden), ("upper", "lower"))
    write_bundle(folder / "bundle", manifest, {"model.onnx": folder / "model.onnx", GOLDEN_NAME: folder / GOLDEN_NAME})
    return folder / "bundle"


def _half(label, seed=0):
    values = np.random.default_rng(seed).integers(0, 90, (8, 8, 3)).astype(np.uint8)
    values[slice(0, 4) if label == "upper" else slice(4, 8)] += 120
    return values


def _pictures(folder, name="halves"):
    return lambda services: open_classifier(
        name, folder, threads=1, limits=services.limits, metrics=services.metrics, service=PictureClassifier
    )


@pytest.fixture(scope="module")
def client(bundle, tiny_bundle):
    with running(services_of(_pictures(bundle), classifier(tiny_bundle), limits=LIMITS)) as found:
        yield found


def _base64(content):
    return b64encode(content).decode("ascii")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_the_body_or_base64_in_json(client, kind):
    from PIL import Image

    content = stored(Image.fromarray(_half("lower")).resize((64, 64)), kind)
    status, headers, found = client.post(f"{ROUTE}?top=1", content, Content_Type=f"image/{kind.lower()}")
    assert status == 200
    assert found["model"] == "halves"
    assert [pair["label"] for pair in found["results"][0]["labels"]] == ["lower"]
    assert float(headers["x-inference-time"]) > 0
    for text in (_base64(content), f"data:image/{kind.lower()};base64,{_base64(content)}"):
        _, _, again = client.post(ROUTE, {"image": text, "top": 1, "model": "halves"})
        assert again["results"] == found["results"]


def test_one_picture_that_cannot_be_read_fails_alone(client):
    files = [_base64(png(_half("upper"))), _base64(b"no picture"), "http://example.org/x.png", "%%%"]
    status, _, found = client.post(ROUTE, {"image": files})
    assert status == 200
    assert found["results"][0]["label"] == "upper"
    assert [result["error"]["code"] for result in found["results"][1:]] == ["invalid_image"] * 3
    assert "not fetched" in found["results"][2]["error"]["message"]


@pytest.mark.parametrize(
    ("body", "type_", "status", "code"),
    [
        (b"no picture", "image/png", 400, "invalid_image"),
        (b"", "image/png", 400, "invalid_image"),
        (b"no JSON", "application/json", 400, "invalid_json"),
        (png(_half("upper")), "application/octet-stream", 400, "invalid_json"),
        (json.dumps({"image": []}).encode(), "application/json", 400, "invalid_value"),
        (json.dumps({"image": ["eA=="] * 5}).encode(), "application/json", 400, "limit_exceeded"),
        (json.dumps({"image": "eA==", "top": 0}).encode(), "application/json", 400, "invalid_value"),
        (json.dumps({"image": "eA==", "more": 1}).encode(), "application/json", 400, "invalid_value"),
        (json.dumps({"image": "eA==", "model": "none"}).encode(), "application/json", 404, "model_not_found"),
        (json.dumps({"image": "eA==", "model": "tiny"}).encode(), "application/json", 400, "wrong_kind"),
        (b"x" * 100_001, "image/png", 413, "payload_too_large"),
    ],
)
def test_every_mistake_has_its_envelope(client, body, type_, status, code):
    found_status, _, found = client.post(ROUTE, body, Content_Type=type_)
    assert (found_status, found["error"]["code"]) == (status, code)


def test_pictures_may_be_larger_than_texts(client):
    large = stored(drawn(size=(90, 90)), "BMP")
    assert len(large) > LIMITS.body_bytes
    assert client.post(ROUTE, large, Content_Type="image/bmp")[0] == 200
    assert client.post("/v1/classify", {"input": "x" * 3_000, "model": "tiny"})[0] == 413


def test_texts_are_not_for_a_model_of_pictures(client):
    assert client.post("/v1/classify", {"input": "x", "model": "halves"})[2]["error"]["code"] == "wrong_kind"
    assert client.post("/tokenize", {"input": "x", "model": "halves"})[0] == 400
    models = client.get("/info")[2]["models"]
    assert [(model["task"], model["labels"]) for model in models if model["id"] == "halves"] == [
        ("image", ["upper", "lower"])
    ]
