"""penjing generate, as it is typed."""

import json

import pytest
from typer.testing import CliRunner

from penjing.cli.main import app
from penjing.errors import EngineError, TaskError

ZH = "盆景是什么？"


def generate(*arguments, text=None):
    return CliRunner().invoke(app, ["generate", *arguments], input=text)


def test_one_answer_is_shown_as_it_is(server):
    assert generate("openai:chinese", ZH).stdout == "盆景 is an art.\n"


def test_several_answers_are_json_lines(server):
    (line,) = generate("openai:good", ZH, "-n", "2").stdout.splitlines()
    found = json.loads(line)
    assert found["prompt"] == ZH
    assert [answer["text"] for answer in found["answers"]] == ["Hello, world."] * 2
    assert found["completion_tokens"] == 3


def test_a_remote_model_is_asked_with_its_own_temperature(server):
    generate("openai:good", "x")
    generate("openai:good", "x", "--temperature", "0.5")
    assert [(body["temperature"], body["top_p"]) for _, body, _ in server.seen] == [(1.0, 1.0), (0.5, 1.0)]


def test_prompts_come_from_a_file_and_answers_go_to_one(server, tmp_path):
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in ("a", ZH)), encoding="utf-8")
    found = generate("openai:good", "--input", str(prompts), "--output", str(tmp_path / "answers.jsonl"))
    assert found.exit_code == 0, found.output
    lines = (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["prompt"] for line in lines] == ["a", ZH]


def test_prompts_come_from_stdin(server):
    assert len(generate("openai:good", "--input", "-", text="a\nb\n").stdout.splitlines()) == 2


def test_prompts_that_fail_at_once_stop_no_others(server):
    found = generate("openai:brittle", "--input", "-", text="\n".join(["a", *["break"] * 4, "c"]))
    assert ["error" in json.loads(line) for line in found.stdout.splitlines() if line.startswith("{")] == [
        False, True, True, True, True, False,
    ]  # fmt: skip


def test_prompts_without_an_answer_keep_those_of_the_others(server, tmp_path, monkeypatch):
    monkeypatch.setattr("penjing.cli.generate_write._LONG_S", 0.0)
    prompts = [ZH, "break", "b", *["break"] * 4, "c"]
    answers = tmp_path / "answers.jsonl"
    found = generate("openai:brittle", "--input", "-", "--output", str(answers), text="\n".join(prompts))
    assert found.exit_code == 2
    assert "no answer to 6 of them" in found.output
    rows = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
    assert [row["prompt"] for row in rows] == prompts
    assert ["error" in row for row in rows] == [False, True, False, True, True, True, True, True]
    assert "out of memory" in rows[1]["error"]
    assert "not asked" in rows[-1]["error"]
    assert len(server.seen) == 6


def test_where_the_first_prompt_has_no_answer_nothing_is_written(server, tmp_path):
    answers = tmp_path / "answers.jsonl"
    found = generate("openai:fails", "--input", "-", "--output", str(answers), text="a\nb\n")
    assert isinstance(found.exception, EngineError)
    assert not answers.exists()
    assert len(server.seen) == 1


def test_a_schema_is_read_from_its_file(server, tmp_path):
    (tmp_path / "s.json").write_text('{"type": "object"}', encoding="utf-8")
    assert generate("openai:good", "x", "--schema", str(tmp_path / "s.json")).exit_code == 0
    assert server.seen[0][1]["response_format"]["json_schema"]["schema"] == {"type": "object"}


@pytest.mark.parametrize(
    ("content", "message"), [("[1]", "no JSON object"), ("{", "cannot read the schema"), (None, "cannot read")]
)
def test_a_schema_that_is_none_is_said(server, tmp_path, content, message):
    if content is not None:
        (tmp_path / "s.json").write_text(content, encoding="utf-8")
    found = generate("openai:good", "x", "--schema", str(tmp_path / "s.json"))
    assert isinstance(found.exception, TaskError)
    assert message in str(found.exception)


def test_an_unknown_format_is_said(server):
    assert "chat or plain" in str(generate("openai:good", "x", "--format", "poem").exception)
