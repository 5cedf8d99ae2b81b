"""The questions over HTTP: asked, graded, and nothing kept here."""

import pytest

from penjing.learn.bank import find_question, read_bank
from penjing.learn.choice import statements
from penjing.serve.keys import Keys
from tests.serve.running import classifier, running, services_of

KNOWN = {"box": 1, "due": "2026-01-02", "last": "2026-01-01", "answered": 1}


@pytest.fixture(scope="module")
def client(tiny_bundle):
    with running(services_of(classifier(tiny_bundle))) as found:
        yield found


def test_every_question_is_there_in_both_languages_without_its_answer(client):
    for language in ("en", "zh"):
        status, _, found = client.get(f"/v1/learn/questions?language={language}")
        assert status == 200
        assert [one["ask"] for one in found] == [one.say(language).ask for one in read_bank()]
        assert all(len(one["statements"]) == 2 * len(find_question(one["id"]).points) for one in found)
    assert client.get("/v1/learn/questions?language=fr")[0] == 400


def test_a_choice_is_graded_and_its_memory_comes_back(client):
    question = find_question("kv-cache")
    offered = statements(question, read_bank())
    right = [place for place, one in enumerate(offered) if one.right]
    asked = {"question": "kv-cache", "chosen": right, "today": "2026-01-01"}
    found = client.post("/v1/learn/grade", asked)[2]
    assert found["said"]
    assert not found["missed"]
    assert not found["wrong"]
    assert found["memory"] == {"box": 1, "due": "2026-01-02", "last": "2026-01-01", "answered": 1}
    later = client.post("/v1/learn/grade", {**asked, "memory": found["memory"], "today": "2026-01-02"})[2]
    assert (later["memory"]["box"], later["memory"]["due"]) == (2, "2026-01-05")
    wrong = client.post("/v1/learn/grade", {**asked, "chosen": list(range(len(offered)))})[2]
    assert wrong["wrong"]


def test_free_text_is_graded_in_its_language(client):
    asked = {"question": "calibration", "answer": "用温度做校准，八成就是八成：80 %", "language": "zh"}
    found = client.post("/v1/learn/grade", asked)[2]
    assert found["said"]
    assert found["answer"] == find_question("calibration").zh.answer.strip()
    assert found["url"].startswith("https://")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"question": "nothing", "answer": "x"}, 404),
        ({"question": "kv-cache"}, 400),
        ({"question": "kv-cache", "answer": "x", "chosen": [0]}, 400),
        ({"question": "kv-cache", "answer": "x" * 4001}, 400),
        ({"question": "kv-cache", "chosen": [0] * 33}, 400),
        ({"question": "kv-cache", "answer": "x", "memory": {"box": "many"}}, 400),
        ({"question": "kv-cache", "answer": "x", "memory": {**KNOWN, "box": 1000}}, 400),
        ({"question": "kv-cache", "answer": "x", "memory": {**KNOWN, "box": -3}}, 400),
        ({"question": "kv-cache", "answer": "x", "today": "9999-12-31"}, 400),
    ],
)
def test_what_cannot_be_graded_is_named(client, body, status):
    found = client.post("/v1/learn/grade", body)
    assert found[0] == status
    assert found[2]["error"]["message"]


def test_places_that_are_not_there_are_not_chosen(client):
    assert client.post("/v1/learn/grade", {"question": "kv-cache", "chosen": [-1, 500]})[2]["said"] == []


def test_the_page_is_public_and_the_questions_are_not(tiny_bundle, tmp_path):
    (tmp_path / "keys.txt").write_text("me:a-long-secret-key\n", encoding="utf-8")
    with running(services_of(classifier(tiny_bundle)), keys=Keys(tmp_path / "keys.txt")) as client:
        assert client.get("/learn")[0] == client.get("/learn.js")[0] == 200
        assert client.get("/v1/learn/questions")[0] == 401
