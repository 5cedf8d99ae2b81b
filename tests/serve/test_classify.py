"""A classifier over HTTP: answers, limits, and everything that a client can do wrong."""

import json
import socket
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from fastapi import APIRouter

import penjing
from penjing.engines.onnxruntime import OnnxRuntimeEngine
from penjing.errors import BundleError
from penjing.serve.patience import server_config
from penjing.serve.settings import Limits
from tests.conftest import GOLDEN_TEXTS
from tests.serve.running import classifier, listening, running, services_of, until
from tests.small import golden_bundle

LIMITS = Limits(items=8, characters=2000, body_bytes=20_000, receive_s=0.3)
LONG = "good " * 30  # 30 pieces, where the model reads 16


@pytest.fixture(scope="module")
def client(tiny_bundle):
    with running(services_of(classifier(tiny_bundle), limits=LIMITS)) as found:
        yield found


def test_one_text_and_several_get_what_the_bundle_says(client, tiny_bundle):
    texts = [text for text in GOLDEN_TEXTS if len(text) < 40]
    expected = penjing.load(tiny_bundle).predict(texts)
    status, headers, found = client.post("/v1/classify", {"input": texts})
    assert status == 200
    assert [result["label"] for result in found["results"]] == [prediction.label for prediction in expected]
    for result, prediction in zip(found["results"], expected, strict=True):
        assert {pair["label"]: pair["score"] for pair in result["labels"]} == pytest.approx(prediction.scores, abs=1e-6)
        assert result["labels"][0]["score"] >= result["labels"][-1]["score"]
    assert float(headers["x-total-time"]) >= float(headers["x-inference-time"]) > 0
    assert found["usage"]["prompt_tokens"] == int(headers["x-compute-tokens"]) > 0
    one = client.post("/v1/classify", {"input": texts[0], "model": "tiny", "top": 1})[2]["results"]
    assert [len(result["labels"]) for result in one] == [1]


def test_no_text_is_cut_in_silence(client):
    status, _, found = client.post("/v1/classify", {"input": LONG})
    assert (status, found["error"]["code"]) == (400, "context_length_exceeded")
    assert "30 tokens" in found["error"]["message"]
    assert "reads 16" in found["error"]["message"]
    assert client.post("/v1/classify", {"input": LONG, "truncate": True})[2]["results"][0]["truncated"]
    good, bad = client.post("/v1/classify", {"input": ["good", LONG]})[2]["results"]
    assert good["label"] == "good"
    assert bad["error"]["code"] == "context_length_exceeded"
    assert client.post("/tokenize", {"input": LONG})[2] == {"model": "tiny", "tokens": 30}


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        (b"{", 400, "invalid_json", None),
        (b'{"input": "\xff"}', 400, None, None),
        (b"[" * 10_000, 400, None, None),
        ({"input": []}, 400, "invalid_value", "input"),
        ({"input": ["x"] * 9}, 400, "limit_exceeded", "input"),
        ({"input": "x" * 2001}, 400, "limit_exceeded", "input"),
        ({"input": "\ud800"}, 400, "invalid_value", "input"),
        ({"input": 3}, 400, "invalid_value", None),
        ({"input": None}, 400, "invalid_value", None),
        ({"inputs": "x"}, 400, "invalid_value", None),
        ({"input": "x", "more": 1}, 400, "invalid_value", "more"),
        ({"input": "x", "top": 0}, 400, "invalid_value", "top"),
        ({"input": "x", "model": "../../etc/passwd"}, 404, "model_not_found", "model"),
        ({"input": "x" * 30_000}, 413, "payload_too_large", None),
    ],
)
def test_every_mistake_has_its_envelope(client, body, status, code, param):
    found_status, _, found = client.post("/v1/classify", body, Content_Type="application/json")
    assert found_status == status
    assert set(found) == {"error"}
    assert set(found["error"]) == {"message", "type", "param", "code"}
    assert code is None or found["error"]["code"] == code
    assert param is None or found["error"]["param"] == param


def test_a_body_without_a_length_is_counted_as_it_comes(client):
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
        head = b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        raw.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n7000\r\n" + b"x" * 0x7000 + b"\r\n")
        assert b" 413 " in raw.recv(65536).split(b"\r\n")[0]


def test_a_body_that_drips_is_refused(client):
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
        raw.sendall(b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert b" 408 " in raw.recv(65536).split(b"\r\n")[0]
    assert client.get("/health/live")[0] == 200


def test_a_head_that_drips_is_refused_and_a_second_one_too(tiny_bundle):
    limits = Limits(receive_s=0.5)
    with running(services_of(classifier(tiny_bundle), limits=limits)) as client:
        with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
            raw.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            assert raw.recv(65536).startswith(b"HTTP/1.1 408 ")
            assert raw.recv(65536) == b""
        with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
            raw.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            replied = b""
            while not replied.endswith(b"}"):
                replied += raw.recv(65536)
            raw.sendall(b"GET /health/live HT")
            assert raw.recv(65536).startswith(b"HTTP/1.1 408 ")
        with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
            assert raw.recv(65536).startswith(b"HTTP/1.1 408 ")  # not a byte


@pytest.mark.parametrize("body", [{"input": "good"}, {"input": ["good", "bad", LONG], "top": 1}])
def test_both_ways_to_a_route_give_the_same_answer(client, body):
    told = [client.post("/v1/classify", json.dumps(body).encode(), Content_Type=f"application/json{more}")
            for more in ("", "; charset=utf-8")]  # fmt: skip
    assert told[0][0] == told[1][0] == 200
    assert told[0][2] == told[1][2]
    assert {name.lower() for name in told[0][1]} == {name.lower() for name in told[1][1]}
    counted = client.get("/metrics")[2].decode()
    assert 'penjing_requests_total{model="tiny",route="/v1/classify",status="200"}' in counted


def test_a_good_body_does_not_go_fastapis_way(client, monkeypatch):
    async def refuses(self, scope, receive, send):
        raise AssertionError("it went on")

    monkeypatch.setattr(APIRouter, "__call__", refuses)
    assert client.post("/v1/classify", {"input": "good"})[0] == 200
    assert client.post("/v1/classify", {"input": 3})[0] == 500


def test_a_body_that_breaks_off_fails_nobody(client):
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
        raw.sendall(b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        raw.sendall(b"Content-Length: 100\r\n\r\n{")
    until(lambda: b'code="incomplete_body"' in client.get("/metrics")[2])
    assert b'route="/v1/classify",status="400"' in client.get("/metrics")[2]
    assert client.post("/v1/classify", {"input": "good"})[0] == 200


def test_a_head_that_does_not_end_is_refused(client):
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
        raw.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-More: " + b"x" * 33_000)
        try:
            said = raw.recv(65536)
        except ConnectionResetError:  # it was closed before all of the head had come
            said = b"HTTP/1.1 431 "
        assert said.startswith(b"HTTP/1.1 431 ")
    assert client.get("/health/live")[0] == 200


def test_empty_lines_keep_no_connection_open(tiny_bundle):
    with (
        running(services_of(classifier(tiny_bundle), limits=Limits(receive_s=0.5))) as client,
        socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw,
    ):
        raw.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        replied = b""
        while not replied.endswith(b"}"):
            replied += raw.recv(65536)
        raw.sendall(b"\r\n")
        assert raw.recv(65536).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(("length", "said"), [(100, b""), (1, b"HTTP/1.1 408 ")])
def test_a_body_that_nobody_reads_keeps_no_connection_open(client, length, said):
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
        raw.sendall(f"POST /no/such/route HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        assert b" 404 " in raw.recv(65536).split(b"\r\n")[0]
        raw.sendall(b"{")
        assert raw.recv(65536).startswith(said)
        assert raw.recv(65536) == b""


@pytest.mark.parametrize("parts", [1, 2])
def test_an_upgrade_is_not_followed_and_loses_nothing(client, parts):
    body = b'{"input": "good"}'
    head = b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    head += b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in [head + body] if parts == 1 else [head, body]:
            raw.sendall(piece)
        replied = raw.recv(65536)
        assert replied.startswith(b"HTTP/1.1 200 ")
        raw.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")  # the connection is as good as before
        assert raw.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_an_upgrade_that_is_not_followed_may_still_close(client):
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
        raw.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n")
        replied = b"".join(iter(lambda: raw.recv(65536), b""))
    assert replied.startswith(b"HTTP/1.1 200 ")
    assert replied.count(b"HTTP/1.1 ") == 1


def test_nothing_is_written_into_an_answer_that_takes_longer_than_a_head_may(tiny_bundle, monkeypatch):
    run = OnnxRuntimeEngine.run
    with running(services_of(classifier(tiny_bundle), limits=Limits(receive_s=0.2))) as client:
        monkeypatch.setattr(OnnxRuntimeEngine, "run", lambda self, batch: (Event().wait(0.6), run(self, batch))[1])
        body = b'{"input": "good"}'
        head = b"POST /v1/classify HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
            raw.sendall(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body + b"GET /health/live HT")
            replied = b"".join(iter(lambda: raw.recv(65536), b""))
        assert replied.startswith(b"HTTP/1.1 200 ")
        assert replied.count(b"HTTP/1.1 408 ") == 1
        assert replied.index(b'"label"') < replied.index(b"HTTP/1.1 408 ")


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n"


@contextmanager
def naming_headers():
    """Serve an application that answers with the names of a request's headers, once its body is there."""

    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        names = b" ".join(name for name, _ in scope["headers"])
        length = (b"content-length", str(len(names)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": names})

    with listening(server_config(app, Limits(), port=0, lifespan="off")) as port:
        yield port


def test_headers_after_a_body_are_left_out():
    with naming_headers() as port, socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(CHUNKED + b"Authorization: Bearer x\r\n\r\n")
        assert raw.recv(65536).endswith(b"\r\n\r\nhost transfer-encoding")


def test_headers_after_a_body_are_not_endless():
    with naming_headers() as port, socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(CHUNKED + b"X-More: ")
        try:
            raw.sendall(b"x" * 200_000)
            said = raw.recv(65536)
        except (ConnectionResetError, BrokenPipeError):  # it was closed before all of them had come
            said = b""
        assert said == b""


def test_two_requests_sent_at_once_are_both_answered(client):
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as raw:
        one = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
        raw.sendall(one + b"\r\n" + one + b"Connection: close\r\n\r\n")
        replied = b"".join(iter(lambda: raw.recv(65536), b""))
    assert replied.count(b"HTTP/1.1 200 OK") == 2


def test_answers_that_are_no_numbers_are_errors(client, tiny_bundle, monkeypatch):
    monkeypatch.setattr(OnnxRuntimeEngine, "run", lambda self, batch: np.full((1, 2), np.nan, np.float32))
    status, _, found = client.post("/v1/classify", {"input": "good"})
    assert (status, found["error"]["code"]) == (500, "internal_error")


def test_an_engine_that_raises_fails_the_request_alone(client, monkeypatch):
    def fails(self, batch):
        raise RuntimeError("secret path /home/x")

    with monkeypatch.context() as changed:
        changed.setattr(OnnxRuntimeEngine, "run", fails)
        status, headers, found = client.post("/v1/classify", {"input": "good"})
    assert status == 500
    assert "secret" not in json.dumps(found)
    assert headers["x-request-id"]
    assert client.post("/v1/classify", {"input": "good"})[0] == 200


def test_a_client_that_only_chats_gets_the_label(client):
    asked = {"model": "tiny", "messages": [{"role": "system", "content": "x"}, {"role": "user", "content": "bad film"}]}
    found = client.post("/v1/chat/completions", asked)[2]
    assert found["choices"][0]["message"]["content"] == "bad"
    stream = client.post("/v1/chat/completions", asked | {"stream": True})[2].decode()
    assert '"content": "bad"' in stream
    assert stream.endswith("data: [DONE]\n\n")
    assert client.post("/v1/completions", {"model": "tiny", "prompt": "x"})[2]["error"]["code"] == "wrong_kind"


def test_the_inference_protocol(client):
    assert client.get("/v2")[2]["name"] == "penjing"
    described = client.get("/v2/models/tiny")[2]
    assert described["parameters"]["labels"] == ["bad", "good"]
    assert client.get("/v2/models/tiny/ready")[2]["ready"]
    tensor = {"name": "text", "datatype": "BYTES", "shape": [2], "data": ["good", "bad"]}
    found = client.post("/v2/models/tiny/infer", {"id": "7", "inputs": [tensor]})[2]
    label, probabilities = found["outputs"]
    assert (found["id"], label["data"], probabilities["shape"]) == ("7", ["good", "bad"], [2, 2])
    assert sum(probabilities["data"][:2]) == pytest.approx(1.0)
    for wrong in ({"shape": [3]}, {"name": "x"}, {"datatype": "FP32"}, {"data": ["x", 3]}):
        assert client.post("/v2/models/tiny/infer", {"inputs": [tensor | wrong]})[0] == 400
    assert client.post("/v2/models/tiny/infer", {"inputs": []})[0] == 400
    assert client.post("/v2/models/tiny/infer", {"inputs": [tensor | {"shape": [1], "data": [LONG]}]})[0] == 400


def test_health_info_and_metrics(client):
    assert client.get("/health/live")[0] == client.get("/health/ready")[0] == client.get("/v2/health/ready")[0] == 200
    facts = client.get("/info")[2]
    assert facts["models"][0]["labels"] == ["bad", "good"]
    assert facts["models"][0]["batch_items"] in (8, 16, 32)
    assert client.get("/v1/models")[2]["data"][0]["id"] == "tiny"
    assert client.get("/v1/models/tiny")[2]["object"] == "model"
    assert client.get("/v1/models/other")[0] == 404
    page = client.get("/metrics")[2].decode()
    assert 'penjing_requests_total{model="tiny",route="/v1/classify",status="200"}' in page
    assert 'penjing_batch_items_count{model="tiny"}' in page
    assert 'route="/health' not in page
    assert 'penjing_rejected_total{code="model_not_found"}' in page


def test_the_page_and_its_parts_may_load_nothing_else(client):
    status, headers, page = client.get("/")
    assert status == 200
    assert b"penjing" in page
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in {name.lower() for name in headers}
    assert client.get("/page.js")[0] == client.get("/page.css")[0] == client.get("/docs")[0] == 200


@pytest.mark.parametrize("path", ["/nothing", "/v1/models/..%2f..%2fetc", "/page.html", "/../pyproject.toml"])
def test_what_is_not_there_says_so(client, path):
    status, _, found = client.get(path)
    assert status == 404
    assert found["error"]["code"] in ("not_found", "model_not_found")


def test_a_method_that_a_route_has_not(client):
    _, headers, found = client.get("/v1/classify")
    assert found["error"]["code"] == "method_not_allowed"
    assert headers["allow"] == "POST"


def test_pages_of_other_sites_may_not_ask(client, tiny_bundle):
    def asked(**headers):
        return client.post("/v1/classify", {"input": "good"}, **headers)[0]

    assert asked(Origin="https://evil.example") == asked(Sec_Fetch_Site="cross-site") == 403
    assert asked(Origin=client.url) == asked(Sec_Fetch_Site="same-origin") == 200
    with running(services_of(classifier(tiny_bundle)), hosts=frozenset({"127.0.0.1"})) as local:
        assert local.get("/v1/models")[0] == 200
        assert local.get("/v1/models", Host="evil.example:8000")[2]["error"]["code"] == "foreign_origin"


def test_a_burst_is_answered_or_refused_and_nothing_is_lost(tiny_bundle, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    go, run = Event(), OnnxRuntimeEngine.run
    limits = replace(LIMITS, waiting_items=4)
    with running(services_of(classifier(tiny_bundle), limits=limits)) as client:

        def slow(self, batch):
            assert go.wait(30)
            return run(self, batch)

        monkeypatch.setattr(OnnxRuntimeEngine, "run", slow)
        with ThreadPoolExecutor(40) as pool:
            asked = [pool.submit(client.post, "/v1/classify", {"input": "good"}) for _ in range(40)]
            until(lambda: sum(found.done() for found in asked) >= 20)  # those that are refused come back at once
            assert client.get("/health/ready")[0] == 200
            go.set()
            replies = [found.result() for found in asked]
        statuses = [status for status, _, _ in replies]
        assert set(statuses) == {200, 429}
        assert len(statuses) == 40
        assert all(int(headers["retry-after"]) >= 1 for status, headers, _ in replies if status == 429)
        assert client.post("/v1/classify", {"input": "good"})[0] == 200
        assert (
            'penjing_requests_total{model="",route="/v1/classify",status="429"}' in client.get("/metrics")[2].decode()
        )


def test_a_bundle_that_answers_otherwise_is_not_served(tmp_path):
    with pytest.raises(BundleError, match="answers otherwise"):
        services_of(classifier(golden_bundle(tmp_path, ["good", "bad"], shift=1.0)))


def test_while_it_loads_or_ends_only_liveness_is_green(tiny_bundle):
    services = services_of(classifier(tiny_bundle), ready=False)
    with running(services) as client:
        assert client.get("/health/live")[0] == 200
        status, headers, found = client.get("/health/ready")
        assert (status, found["status"], headers["retry-after"]) == (503, "loading", "1")
        assert client.post("/v1/classify", {"input": "x"})[2]["error"]["code"] == "loading"
        services.life.loaded()
        assert client.post("/v1/classify", {"input": "x"})[0] == 200
        services.life.drain()
        assert client.get("/health/ready")[2]["status"] == "draining"
        assert client.post("/v1/classify", {"input": "x"})[0] == 503
