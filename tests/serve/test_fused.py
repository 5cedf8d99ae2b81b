"""/v1/fused/classify: rows with several inputs, what is missing said; paths are never read."""

from base64 import b64encode

import numpy as np
import pytest

from penjing.bundle.read import load
from penjing.engines.mixed_inputs import as_category
from penjing.pictures.frame import png
from penjing.serve.routes.fused import FusedRequest
from penjing.serve.settings import Limits
from tests.serve.fused_bundle import fused_service, write_orders
from tests.serve.picture_bundle import half
from tests.serve.running import running, services_of
from tests.sounds.made import stored, tone

PHOTO, VOICE = png(half("upper", 1)), stored(tone(300.0, 0.2))
LIMITS = Limits(items=3, body_bytes=2_000, file_body_bytes=100_000, sound_s=2.0)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return write_orders(tmp_path_factory.mktemp("fused"))


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
