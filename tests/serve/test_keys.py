"""Keys: every route but the public ones is locked; keys are read again when their file changes, and never shown."""

import logging
import os

import pytest

from penjing.errors import TaskError
from penjing.serve.app import create_app
from penjing.serve.keys import Keys
from penjing.serve.middleware import PUBLIC
from tests.serve.running import classifier, running, services_of

SECRET = "correct-horse-battery"  # noqa: S105


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys.txt"
    path.write_text(f"# who may ask\nanna:{SECRET}\n\nanother-long-key\n", encoding="utf-8")
    return Keys(path)


def test_every_route_asks_for_a_key(tiny_bundle, keys):
    services = services_of(classifier(tiny_bundle))
    app = create_app(services)
    routes = [(method.upper(), path) for path, found in app.openapi()["paths"].items() for method in found]
    routes += [("GET", path) for route in app.routes if (path := getattr(route, "path", ""))]
    paths = {path for _, path in routes}
    assert len(routes) > 20
    assert {"/v1/classify", "/v1/chat/completions", "/metrics", "/docs", "/openapi.json", "/"} <= paths
    with running(services, keys=keys) as client:
        for method, path in routes:
            filled = path.replace("{name}", "tiny")
            for headers in ({}, {"Authorization": "Bearer wrong-key-entirely"}, {"Authorization": SECRET}):
                status, found, body = client.ask(method, filled, **headers)
                if path in PUBLIC:
                    assert status != 401, path
                else:
                    assert status == 401, path
                    assert found["www-authenticate"] == "Bearer"
                    assert method == "HEAD" or body["error"]["code"] == "invalid_api_key"
        status = client.ask("GET", "/v1/models", Authorization=f"Bearer {SECRET}")[0]
        assert status == client.ask("GET", "/v1/models", X_Api_Key="another-long-key")[0] == 200
        assert client.ask("GET", "/nothing/of/the/kind")[0] == 401


def test_the_log_has_the_name_of_a_key_and_no_body(tiny_bundle, keys, caplog):
    with (
        caplog.at_level(logging.INFO, "penjing.serve"),
        running(services_of(classifier(tiny_bundle)), keys=keys) as client,
    ):
        client.post("/v1/classify", {"input": "good film"}, Authorization=f"Bearer {SECRET}", X_Request_Id="abc-1")
        client.post("/v1/classify", {"input": "good"}, X_Request_Id='evil"\\ninjected')
    text = caplog.text
    assert '"key": "anna"' in text
    assert '"id": "abc-1"' in text
    assert SECRET not in text
    assert "good film" not in text
    assert "evil" not in text


def test_keys_are_read_again_when_the_file_changes(tmp_path, keys):
    path = tmp_path / "keys.txt"
    assert keys.name_of(SECRET) == "anna"
    assert keys.name_of("another-long-key") == "key 4"
    path.write_text("bert:a-new-secret-key\n", encoding="utf-8")
    os.utime(path, ns=(1, 1))
    assert keys.name_of(SECRET) is None
    assert keys.name_of("a-new-secret-key") == "bert"
    path.write_text("short\n", encoding="utf-8")
    os.utime(path, ns=(2, 2))
    assert keys.name_of("a-new-secret-key") == "bert"  # what cannot be meant changes nothing
    path.write_text("carl: a-key-after-a-blank \n", encoding="utf-8")
    os.utime(path, ns=(3, 3))
    assert keys.name_of("a-key-after-a-blank") == "carl"
    assert keys.name_of("a-new-secret-key") is None
    path.unlink()
    assert keys.name_of("a-key-after-a-blank") == "carl"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no key"),
        ("# nothing\n", "no key"),
        ("a:b\n", "too short"),
        ("钥匙" * 8, "not in ASCII"),
        ("x" * 2**21, "too large"),
    ],
)
def test_a_file_that_holds_no_keys_is_refused(tmp_path, text, words):
    (tmp_path / "keys.txt").write_text(text, encoding="utf-8")
    with pytest.raises(TaskError, match=words):
        Keys(tmp_path / "keys.txt")


def test_a_file_that_is_no_text_or_missing_is_refused(tmp_path):
    (tmp_path / "keys.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TaskError, match="cannot be read"):
        Keys(tmp_path / "keys.txt")
    with pytest.raises(TaskError, match="cannot be read"):
        Keys(tmp_path / "none.txt")
