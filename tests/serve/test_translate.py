"""A bundle that translates over HTTP: our own route, LibreTranslate's, and everything that a client can do wrong."""

from pathlib import Path

import pytest

from penjing.serve.settings import Limits
from penjing.serve.translator import open_translation_service
from tests.serve.running import classifier, running, services_of


def translator(folder: Path):
    return lambda services: open_translation_service(
        "toy", folder, threads=1, limits=services.limits, metrics=services.metrics
    )


@pytest.fixture(scope="module")
def client(toy_bundle, tiny_bundle):
    limits = Limits(items=8, characters=2000)
    with running(services_of(translator(toy_bundle), classifier(tiny_bundle), limits=limits)) as found:
        yield found


def test_one_text_and_several(client):
    status, headers, found = client.post("/v1/translate", {"input": "Save the new file %s", "model": "toy"})
    assert status == 200
    assert found["results"][0]["translation"] == "保存新的文件 %s"
    assert (found["source"], found["target"]) == ("en", "zh-Hans")
    assert found["usage"]["prompt_tokens"] == int(headers["x-compute-tokens"]) > 0
    texts = ["Open the old table", "", "Close the red window"]
    results = client.post("/v1/translate", {"input": texts, "target": "zh-CN"})[2]["results"]
    assert [one["translation"] for one in results] == ["打开旧的表格", "", "关闭红色窗口"]
    more = client.post("/v1/translate", {"input": "Save the new file", "n_best": 3})[2]["results"][0]
    assert len(more["alternatives"]) == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"input": "Save", "target": "fr"}, 400, "invalid_value"),
        ({"input": "Save", "source": "no language"}, 400, "invalid_value"),
        ({"input": []}, 400, "invalid_value"),
        ({"input": ["a"] * 9}, 400, "limit_exceeded"),
        ({"input": "a" * 2001}, 400, "limit_exceeded"),
        ({"input": "Save", "n_best": 17}, 400, "invalid_value"),
        ({"input": "Save", "model": "tiny"}, 400, "wrong_kind"),
        ({"input": "Save", "model": "none"}, 404, "model_not_found"),
        ({"input": 3}, 400, "invalid_value"),
    ],
)
def test_what_cannot_be_meant_is_refused(client, body, status, code):
    found = client.post("/v1/translate", body)
    assert (found[0], found[2]["error"]["code"]) == (status, code)


def test_clients_of_libretranslate(client):
    found = client.post("/translate", {"q": "Save the new file", "source": "auto", "target": "zh", "api_key": ""})
    assert (found[0], found[2]) == (200, {"translatedText": "保存新的文件"})
    page = client.post("/translate", {"q": ["<p class=x>Save the new file</p><hr>"], "target": "zh", "format": "html"})
    assert page[2] == {"translatedText": ["<p class=x>保存新的文件</p><hr>"]}
    more = client.post("/translate", {"q": "Save the new file", "target": "zh", "alternatives": 2})[2]
    assert len(more["alternatives"]) == 2
    assert client.get("/languages")[2] == [{"code": "en", "name": "English", "targets": ["zh-Hans"]}]


def test_facts_and_tokens(client):
    facts = {model["id"]: model for model in client.get("/info")[2]["models"]}
    assert facts["toy"]["target_lang"] == "zh-Hans"
    assert client.post("/tokenize", {"input": "Save the new file", "model": "toy"})[2]["tokens"] > 2


def test_it_holds_no_conversation(client):
    body = {"model": "toy", "messages": [{"role": "user", "content": "Save"}]}
    assert client.post("/v1/chat/completions", body)[2]["error"]["code"] == "wrong_kind"
