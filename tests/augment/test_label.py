"""Labels of a language model: how answers are read, kept, and held to those that people gave."""

import json
from collections.abc import Collection
from pathlib import Path
from threading import Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from penjing.augment.agreement import agreement, cost_of, told_cost
from penjing.augment.journal import Journal, Labelled, identity
from penjing.augment.label import Question, label_texts
from penjing.augment.write import write_labelled
from penjing.catalog.facts import read_prices
from penjing.cli.main import app
from penjing.data import load_splits
from penjing.data.dataset import Example
from penjing.errors import DataError, EngineError, TaskError
from penjing.generation.model import Answer, Generation
from penjing.progress import Silent
from penjing.spec import DataSpec
from penjing.task_file import read_task

LABELS = ("good", "bad", "good enough")


class FakeWriter:
    """Finds what is bad, and fails at some texts."""

    def __init__(self, *, fails: Collection[str] = ()) -> None:
        self.asked: list[str] = []
        self._fails, self._lock = fails, Lock()

    def generate(self, prompt: str, **options: object) -> Generation:
        if prompt in self._fails:
            raise EngineError("the server went away")
        with self._lock:
            self.asked.append(prompt)
        text = json.dumps({"label": "bad" if "bad" in prompt else "good"})
        return Generation((Answer(text, "stop"),), "fake", "fake", 10, 3, None, None)


def journal(folder: Path, question: Question) -> Journal:
    return Journal(folder, model="fake", question=question.system)


def asked(folder: Path, writer: FakeWriter, texts: list[str], *, parallel: int = 1) -> list[Labelled]:
    question = Question(("good", "bad"))
    return label_texts(texts, writer, question, journal=journal(folder, question), parallel=parallel, reporter=Silent())


def test_a_question_names_the_labels_what_they_mean_and_examples() -> None:
    question = Question(("good", "bad"), (Example("fine", ("good",)),), "How a film is.", reasons=True)
    for part in ("good, bad", "How a film is.", '{"text": "fine", "label": "good"}', "in one sentence"):
        assert part in question.system
    assert question.schema["required"] == ["reason", "label"]


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ('{"label": "bad"}', "bad"),
        ('{"reason": "long", "label": "good enough"}', "good enough"),
        ('{"label": "awful"}', None),
        ("It is BAD.", "bad"),
        ("good or bad", None),
        ("good enough", "good enough"),
        ('{"reason": "it is not bad at all", "lab', None),
        ('{"label": "BAD"}', "bad"),
        ("non-bad", None),
        ("goods", None),
        ("", None),
        ("[1, 2]", None),
        ("null", None),
    ],
)
def test_only_an_answer_that_names_one_label_gives_it(answer: str, label: str | None) -> None:
    assert Question(LABELS).read(answer)[0] == label


@given(st.text())
def test_any_answer_can_be_read(answer: str) -> None:
    assert Question(LABELS).read(answer)[0] in {None, *LABELS}


@pytest.mark.parametrize("parallel", [1, 4])
def test_each_text_is_asked_once_and_answered_in_order(parallel: int, tmp_path: Path) -> None:
    writer = FakeWriter()
    texts = [f"text {number} {'bad' if number % 3 else 'fine'}" for number in range(12)]
    found = asked(tmp_path, writer, [*texts, texts[0]], parallel=parallel)
    assert [one.text for one in found] == [*texts, texts[0]]
    assert [one.label for one in found[:4]] == ["good", "bad", "bad", "good"]
    assert sorted(writer.asked) == sorted(texts)


def test_a_text_that_fails_has_no_label_and_is_asked_again(tmp_path: Path) -> None:
    texts = ["one", "two bad", "three", "four"]
    found = asked(tmp_path, FakeWriter(fails={"three"}), texts)
    assert [one.label for one in found] == ["good", "bad", None, "good"]
    assert "the server went away" in (found[2].failed or "")
    second = FakeWriter()
    assert [one.label for one in asked(tmp_path, second, texts)] == ["good", "bad", "good", "good"]
    assert second.asked == ["three"]


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_server_that_is_gone_ends_the_run_and_nothing_is_asked_twice(parallel: int, tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(40)]
    first = FakeWriter(fails=set(texts[8:]))
    with pytest.raises(EngineError, match="went away"):
        asked(tmp_path, first, texts, parallel=parallel)
    (path,) = tmp_path.iterdir()
    kept = path.read_text("utf-8")
    path.write_text(kept + '{"text": "text 9", "la', "utf-8")  # killed while it wrote
    second = FakeWriter()
    assert all(one.label == "good" for one in asked(tmp_path, second, texts, parallel=parallel))
    assert sorted(second.asked) == sorted(texts[8:])
    third = FakeWriter()
    assert len(asked(tmp_path, third, texts)) == 40
    assert third.asked == []


def test_texts_with_strange_line_ends_are_kept(tmp_path: Path) -> None:
    texts = ["one\u2028two", "three\u0085four", "half a pair \ud800"]
    asked(tmp_path, FakeWriter(), texts[:2])
    second = FakeWriter()
    assert asked(tmp_path, second, texts[:2])[0].label == "good"
    assert second.asked == []
    assert asked(tmp_path, second, texts[2:])[0].label == "good"


def test_chinese_labels_are_found_without_blanks_around_them() -> None:
    assert Question(("好评", "差评")).read("这是差评。")[0] == "差评"


def test_another_question_is_another_journal(tmp_path: Path) -> None:
    one, other = (journal(tmp_path, Question(("good", "bad"), about=about)) for about in ("", "Tone."))
    one.add(Labelled(text="a", label="good"))
    assert "a" in journal(tmp_path, Question(("good", "bad")))
    assert "a" not in other


def test_agreement_counts_what_has_no_label_as_wrong() -> None:
    said = [Labelled(text=str(place), label=label) for place, label in enumerate(["a", "b", None, "a"])]
    found = agreement(said, ["a", "b", "a", "b"])
    assert (found.accuracy, found.unanswered, found.n) == (0.5, 1, 4)
    assert found.ci.low < 0.5 < found.ci.high
    assert agreement(said[:2], ["a", "b"]).kappa == 1.0


def test_what_is_not_told_is_said_not_to_be() -> None:
    price = read_prices().apis["small"]
    assert "not known" in told_cost([Labelled(text="a", label="x")], price)
    assert "no fee" in told_cost([Labelled(text="a", label="x", read=3)], None)
    assert "$" in told_cost([Labelled(text="a", label="x", read=3)], price)


def test_a_column_called_reason_keeps_its_labels(tmp_path: Path) -> None:
    spec = DataSpec(source="x.csv", label="reason")
    write_labelled(tmp_path / "a.csv", [Labelled(text="t", label="x", reason="why")], spec, reasons=True)
    assert (tmp_path / "a.csv").read_text("utf-8") == '"text","reason","reason_of_label"\n"t","x","why"\n'


def test_a_model_is_known_by_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://one/v1")
    first = identity("openai:m")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://other/v1")
    assert identity("openai:m") != first
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    before = identity(f"gguf:{tmp_path / 'm.gguf'}")
    (tmp_path / "m.gguf").write_bytes(b"GGUF2")
    assert identity(f"gguf:{tmp_path / 'm.gguf'}") != before


def test_cost_is_pieces_at_their_price() -> None:
    said = [Labelled(text="a", label="x", read=1_000_000, written=500_000)]
    price = read_prices().apis["small"]
    assert cost_of(said, price) == pytest.approx(price.read + price.written / 2)


@pytest.fixture
def task(tmp_path: Path) -> Path:
    rows = [f"a {('bad', 'good')[number % 2]} text number {number} of the set,{number % 2}" for number in range(120)]
    (tmp_path / "data.csv").write_text("\n".join(["text,label", *rows, ""]), "utf-8")
    (tmp_path / "more.txt").write_text("quite another thing\nand yet another one\n", "utf-8")
    (tmp_path / "task.toml").write_text('name = "t"\nkind = "classify"\n[data]\nsource = "data.csv"\n', "utf-8")
    return tmp_path / "task.toml"


def label(task: Path, *arguments: str) -> object:
    command = ["label", str(task), "--write", str(task.parent / "new.csv"), *arguments]
    return CliRunner().invoke(app, command, catch_exceptions=True)


def test_the_command_says_what_is_missing(task: Path) -> None:
    assert isinstance(label(task, "--model", "openai:x").exception, TaskError)
    (task.parent / "new.csv").write_text("", "utf-8")
    assert isinstance(label(task, "--model", "openai:x").exception, DataError)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: object) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("penjing.select.probes.installed", list)


@pytest.mark.usefixtures("cache")
def test_texts_are_labelled_judged_and_written_for_fit(task: Path, tmp_path: Path) -> None:
    found = label(task, "--model", "openai:labeller", "--texts", str(tmp_path / "more.txt"), "--judge", "6", "--json")
    assert found.exit_code == 0, found.output
    said = json.loads(found.stdout)
    assert (said["labelled"], said["agreement"]["accuracy"], said["agreement"]["n"]) == (2, 1.0, 6)
    assert "$0.00" in said["cost"]
    assert said["gains"][0]["name"] == "n-grams"
    assert (tmp_path / "new.csv").read_text(
        "utf-8"
    ) == '"text","label"\n"quite another thing","0"\n"and yet another one","0"\n'
    spec = read_task(task, overrides={"data.more": str(tmp_path / "new.csv")}).data
    assert {"quite another thing", "and yet another one"} <= {one.text for one in load_splits(spec).train}


@pytest.mark.usefixtures("cache")
def test_a_model_that_labels_nothing_is_said_to(task: Path, tmp_path: Path) -> None:
    found = label(task, "--model", "openai:m", "--texts", str(tmp_path / "more.txt"), "--judge", "4")
    assert isinstance(found.exception, DataError)
    assert "gives no text a label" in str(found.exception)
