"""Pictures over HTTP: as a body or in JSON, several at once, and everything that is no picture."""

import json
from base64 import b64encode

import pytest

from penjing.pictures.frame import png
from penjing.serve.problems import Problem
from penjing.serve.settings import Limits
from tests.pictures.drawn import drawn, stored
from tests.serve.picture_bundle import half, halves_service, write_halves
from tests.serve.running import classifier, running, services_of

ROUTE = "/v1/images/classify"
LIMITS = Limits(items=4, body_bytes=2_000, file_body_bytes=100_000)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_halves(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def client(tiny_bundle, bundle):
    with running(services_of(halves_service(bundle), classifier(tiny_bundle), limits=LIMITS)) as found:
        yield found


def _base64(content):
    return b64encode(content).decode("ascii")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_the_body_or_base64_in_json(client, kind):
    from PIL import Image

    content = stored(Image.fromarray(half("lower")).resize((64, 64)), kind)
    status, headers, found = client.post(f"{ROUTE}?top=1", content, Content_Type=f"image/{kind.lower()}")
    assert status == 200
    assert found["model"] == "halves"
    assert [pair["label"] for pair in found["results"][0]["labels"]] == ["lower"]
    assert float(headers["x-inference-time"]) > 0
    for text in (_base64(content), f"data:image/{kind.lower()};base64,{_base64(content)}"):
        _, _, again = client.post(ROUTE, {"image": text, "top": 1, "model": "halves"})
        assert again["results"] == found["results"]


def test_one_picture_that_cannot_be_read_fails_alone(client):
    files = [_base64(png(half("upper"))), _base64(b"no picture"), "http://example.org/x.png", "%%%"]
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
        (png(half("upper")), "application/octet-stream", 400, "invalid_json"),
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


def test_a_chat_takes_a_picture_and_no_name_of_a_file(client, tmp_path):
    from pathlib import Path

    path = tmp_path / "secret.png"
    path.write_bytes(png(half("upper")))
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_base64(png(half('lower')))}"}}
    body = {"model": "halves", "messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, part]}]}
    assert client.post("/v1/chat/completions", body)[2]["choices"][0]["message"]["content"] == "lower"
    for content in (str(path), [{"type": "text", "text": str(path)}], [{"type": "image_url", "image_url": str(path)}],
                    [{"type": "image_url", "image_url": {"url": Path(path).as_uri()}}]):  # fmt: skip
        body["messages"][0]["content"] = content
        status, _, found = client.post("/v1/chat/completions", body)
        assert status == 400
        assert "upper" not in json.dumps(found)
    assert client.post("/v1/chat/completions", {"model": "halves", "messages": []})[0] == 400


def test_so_many_requests_hold_their_pictures_and_no_more(bundle):
    services = services_of(halves_service(bundle), limits=Limits(file_requests=1))
    with (
        services.file_room(),
        pytest.raises(Problem, match="1 requests with files wait"),
        services.file_room(),
    ):
        pass
    with services.file_room():
        pass
    services.close()


def test_texts_are_not_for_a_model_of_pictures(client):
    assert client.post("/v1/classify", {"input": "x", "model": "halves"})[2]["error"]["code"] == "wrong_kind"
    assert client.post("/tokenize", {"input": "x", "model": "halves"})[0] == 400
    models = client.get("/info")[2]["models"]
    assert [(model["task"], model["labels"]) for model in models if model["id"] == "halves"] == [
        ("image", ["upper", "lower"])
    ]
