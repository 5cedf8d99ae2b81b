"""penjing learn: the bank is whole, answers are graded and remembered, exercises checked, whatever the code does."""

import ast
import json
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from penjing.cli.main import app
from penjing.errors import DataError, StorageError, TaskError
from penjing.learn.bank import find_question, read_bank
from penjing.learn.check import check_file
from penjing.learn.choice import grade_choice, statements
from penjing.learn.exercises import NAMES, checks, stub
from penjing.learn.grade import grade
from penjing.learn.meaning import Judge
from penjing.learn.review import answered, next_question, read_progress
from penjing.learn.wording import in_language
from penjing.zero_shot.text import open_encoder
from tests.learn.solutions import SOLUTIONS, WRONG

FIRST = ("large-model", "startup-value", "hard-parts", "choose-model", "compute", "compress")


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def run(*arguments, **told):
    return CliRunner().invoke(app, ["learn", *map(str, arguments)], **told)


def write(folder, exercise, code):
    path = folder / f"{exercise}.py"
    path.write_text(f"# penjing exercise: {exercise}\n{code}", encoding="utf-8")
    return path


def test_the_bank_has_thirty_questions_in_both_languages_each_with_a_source():
    bank = read_bank()
    assert len(bank) >= 30
    assert tuple(question.id for question in bank[:6]) == FIRST
    assert len({question.id for question in bank}) == len(bank)
    for question in bank:
        assert question.url.startswith("https://")
        assert question.command.startswith("penjing ")
        assert len(question.points) >= 2
        for wording in (question.en, question.zh):
            assert wording.ask.endswith(("?", "？"))
            assert len(wording.answer) > 50
        assert re.search("[\u4e00-\u9fff]", question.zh.ask)
        assert not re.search("[\u4e00-\u9fff]", question.en.answer)


@pytest.mark.parametrize("question", read_bank(), ids=lambda question: question.id)
def test_the_answers_of_the_bank_say_what_they_have_to(question):
    for wording in (question.en, question.zh):
        missed = grade(question, wording.answer).missed
        assert not missed, f"{wording.ask}: {[point.en for point in missed]}"
    assert grade(question, "I do not know.").share < 0.5


@given(st.text(max_size=200))
def test_any_text_can_be_graded(text):
    for question in read_bank()[:3]:
        assert 0 <= grade(question, text).share <= 1


def test_what_is_known_comes_later_and_what_is_not_at_once():
    today, memory = date(2026, 1, 1), None
    days = []
    for _ in range(7):
        memory = answered(memory, 1.0, today=today)
        assert answered(memory, 1.0, today=today).due == memory.due
        days.append((memory.due - today).days)
        today = memory.due
    assert days == [1, 3, 7, 14, 30, 30, 30]
    assert answered(memory, 0.2, today=today).due == today
    assert answered(memory, 0.5, today=today).box == memory.box
    memory = answered(memory, 1.0, today=today)
    bank = read_bank()
    assert next_question(bank, {}, today=today).question.id == "large-model"
    known = {question.id: memory for question in bank}
    assert next_question(bank, known, today=today) is None
    known["bpe"] = answered(None, 0.0, today=today)
    assert next_question(bank, known, today=today).question.id == "bpe"


def test_a_question_is_asked_graded_and_remembered(tmp_path):
    done = run(
        "ask", "quantization", "--answer", "int8 with a scale and a zero point; static ranges", "--language", "en"
    )
    assert done.exit_code == 0, done.output
    assert "✓ whole numbers" in done.output
    assert "✗ outliers" in done.output
    assert "arxiv.org" in done.output
    kept = json.loads((tmp_path / "data" / "penjing" / "learn.json").read_text(encoding="utf-8"))
    assert kept["quantization"]["answered"] == 1
    assert "[20" in run("list", "--topic", "compression").output
    asked = run("ask", "--language", "zh", input="不知道\n")
    assert "int8 时发生了什么" in asked.output


def test_what_is_damaged_or_unknown_is_named(tmp_path):
    path = tmp_path / "learn.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(StorageError, match="damaged"):
        read_progress(path)
    with pytest.raises(TaskError, match="no such question"):
        find_question("nothing")
    assert isinstance(run("list", "--topic", "nothing").exception, TaskError)
    assert isinstance(run("show", "bpe", "--language", "fr").exception, TaskError)
    with pytest.raises(DataError, match="cannot be read"):
        check_file(tmp_path / "none.py")
    (tmp_path / "unnamed.py").write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(TaskError, match="does not say which exercise"):
        check_file(tmp_path / "unnamed.py")


def sentences_of(exercise):
    """What the checks of an exercise may say, with {} for what is filled in."""
    tree = ast.parse(checks(exercise))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("check_"):
            yield ast.get_docstring(node)
        said = node.msg if isinstance(node, ast.Assert) else None
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.func.id == "AssertionError":
            said = node.exc.args[0]
        if isinstance(said, ast.Constant):
            yield said.value
        elif isinstance(said, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "7" for part in said.values)


@pytest.mark.parametrize("exercise", NAMES)
def test_all_that_checks_say_is_said_in_chinese_too(exercise):
    said = list(sentences_of(exercise))
    assert len(said) >= 6
    for sentence in said:
        assert re.search("[一-鿿]", in_language(sentence, "zh")), sentence
        assert in_language(sentence, "zh").count("7") >= sentence.count("7")
        assert in_language(sentence, "en") == sentence


def test_a_failed_check_is_told_in_chinese(tmp_path):
    old, new, _ = WRONG["attention"][0]
    file = write(tmp_path, "attention", SOLUTIONS["attention"].replace(old, new))
    found = run("check", file, "--language", "zh")
    assert found.exit_code == 3
    assert "项检查中通过" in found.stdout
    assert "✗ 得分除以宽度的平方根" in found.stdout


@pytest.mark.parametrize("exercise", NAMES)
def test_the_stubs_of_both_languages_are_the_same_code(exercise):
    def code(language):
        tree = ast.parse(stub(exercise, language))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                assert ast.get_docstring(node)
                node.body = node.body[1:]
        return ast.dump(tree)

    assert code("en") == code("zh")
    assert re.search("[一-鿿]", stub(exercise, "zh"))
    assert f"# penjing exercise: {exercise}" in stub(exercise, "zh")


def test_an_exercise_is_begun_once_and_its_stub_fails(tmp_path):
    path = tmp_path / "attention.py"
    assert run("start", "attention", "--output", path).exit_code == 0
    assert isinstance(run("start", "attention", "--output", path).exception, StorageError)
    done = run("check", path)
    assert done.exit_code == 3
    assert "NotImplementedError" in done.output
    assert "0 of 4 checks hold" in done.output


@pytest.mark.parametrize("exercise", NAMES)
def test_the_solution_passes(tmp_path, exercise):
    assert f"# penjing exercise: {exercise}" in stub(exercise)
    found = check_file(write(tmp_path, exercise, SOLUTIONS[exercise]))
    assert len(found) >= 3
    assert [one.says for one in found if not one.ok] == []


@pytest.mark.parametrize(
    ("exercise", "place"), [(exercise, place) for exercise in NAMES for place in range(len(WRONG[exercise]))]
)
def test_a_wrong_answer_fails_and_is_told_why(tmp_path, exercise, place):
    old, new, says = WRONG[exercise][place]
    assert SOLUTIONS[exercise].count(old) >= 1
    found = check_file(write(tmp_path, exercise, SOLUTIONS[exercise].replace(old, new)))
    assert re.search(says, " ".join(one.says for one in found if not one.ok)), found


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import os\nwhile True: os.fork()", "PermissionError|BlockingIOError"),
        ("import subprocess\nsubprocess.run(['true'])", "PermissionError|BlockingIOError"),
        ("import socket\nsocket.create_connection(('192.0.2.1', 9))", "PermissionError|penjing uses no network|Error"),
        ("x = bytearray(10 ** 12)", "MemoryError"),
        ("x = []\nwhile True: x.append(' ' * 10 ** 7)", "MemoryError"),
        ("import sys\nsys.exit(0)", "SystemExit"),
        ("open('/tmp/penjing-large', 'wb').write(b'x' * 10 ** 7)", "OSError|ended with"),
        ("import os\nos._exit(0)", None),
        ("this is no Python", "SyntaxError"),
        ("def attention(q, k, v, causal=False): return attention(q, k, v)", "RecursionError"),
    ],
)
def test_code_that_does_something_else_is_stopped_and_named(tmp_path, code, says):
    found = check_file(write(tmp_path, "attention", code))
    if says is None:
        assert found == []
        assert run("check", tmp_path / "attention.py").exit_code == 3
    else:
        assert re.search(says, " ".join(one.says for one in found)), found


@pytest.mark.parametrize("code", ["while True: pass", "import time\ntime.sleep(1000)"])
def test_a_loop_without_an_end_is_ended(tmp_path, code):
    found = check_file(write(tmp_path, "attention", code), timeout_s=3.0)
    assert [one.ok for one in found] == [False]
    assert "without an end" in found[0].says


def test_statements_to_choose_from_are_half_wrong_and_of_other_topics():
    bank = read_bank()
    own = {point: question for question in bank for point in question.points}
    for question in bank:
        offered = statements(question, bank)
        assert offered == statements(question, bank)
        assert sum(one.right for one in offered) * 2 == len(offered)
        assert all(own[one.point].topic != question.topic for one in offered if not one.right)


def test_wrong_choices_take_away_from_right_ones():
    offered = statements(find_question("kv-cache"), read_bank())
    right = {place for place, one in enumerate(offered) if one.right}
    assert grade_choice(offered, right).share == 1
    everything = grade_choice(offered, range(len(offered)))
    assert (everything.share, everything.missed) == (0, ())
    assert grade_choice(offered, set()).missed == tuple(one.point for one in offered if one.right)


def test_a_question_is_answered_by_numbers():
    offered = statements(find_question("kv-cache"), read_bank())
    right = "，".join(str(place + 1) for place, one in enumerate(offered) if one.right)
    found = run("ask", "kv-cache", "--by", "choice", "--language", "zh", input=f"{right}\n")
    assert found.exit_code == 0
    assert found.stdout.count("✓") == len(offered) // 2
    for wrong in ("0", "99", "first"):
        refused = run("ask", "kv-cache", "--by", "choice", "--answer", wrong)
        assert isinstance(refused.exception, TaskError)
        assert "numbers from 1" in str(refused.exception)


def test_other_words_with_the_same_meaning_count():
    question, words = find_question("quantization"), "Numbers are kept as integers, each channel with its own factor."
    assert not grade(question, words).said
    judge = Judge(read_bank(), open_encoder().means)
    assert "scale" in judge.grade(question, words).said[0].en
    assert judge.grade(question, "把权重存成整数，再乘一个缩放尺度。").said
    assert not judge.grade(question, "The weather is fine today.").said
    assert judge.grade(question, "").missed == question.points
