import csv
import errno
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from penjing.bundle.manifest import Outputs
from penjing.bundle.read import load
from penjing.cli.console import counted
from penjing.cli.main import app
from penjing.errors import BundleError, DataError, PenjingError, StorageError, TaskError
from tests.cli.test_main import run
from tests.small import token_bundle

TEXTS = ["good film", 'bad, "really"', "很 好 🎉", "", "good"]


def predict(*arguments, stdin=None):
    found = CliRunner().invoke(app, ["predict", *map(str, arguments)], input=stdin)
    if isinstance(found.exception, PenjingError):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.stdout


def answers(output):
    return [json.loads(line) for line in output.split("\n") if line]


@pytest.fixture
def expected(tiny_bundle):
    return [found.label for found in load(tiny_bundle).predict(TEXTS)]


@pytest.fixture
def in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_table(path, *, delimiter):
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter=delimiter)
        rows.writerows([["id", "review"], *enumerate(TEXTS)])


def test_texts_of_the_command_line(tiny_bundle):
    first, second = answers(predict(tiny_bundle, "good", "bad"))
    assert (first["text"], first["label"], second["label"]) == ("good", "good", "bad")
    assert first["scores"]["good"] == first["score"] > 0.5


def test_stdin(tiny_bundle, expected):
    found = answers(predict(tiny_bundle, "--input", "-", stdin="\n".join(TEXTS)))
    assert [row["text"] for row in found] == TEXTS
    assert [row["label"] for row in found] == expected


def test_a_text_file_keeps_its_lines(tiny_bundle, tmp_path, expected):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS), encoding="utf-8")
    assert [row["label"] for row in answers(predict(tiny_bundle, "--input", path))] == expected


def test_a_csv_column(tiny_bundle, tmp_path, expected):
    write_table(tmp_path / "texts.csv", delimiter=",")
    found = answers(predict(tiny_bundle, "--input", tmp_path / "texts.csv", "--column", "review"))
    assert [(row["text"], row["label"]) for row in found] == list(zip(TEXTS, expected, strict=True))


def test_json_lines(tiny_bundle, tmp_path, expected):
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS), encoding="utf-8")
    assert [row["label"] for row in answers(predict(tiny_bundle, "--input", path))] == expected


def test_parquet(tiny_bundle, tmp_path, expected):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"text": TEXTS}), tmp_path / "texts.parquet")
    assert [row["label"] for row in answers(predict(tiny_bundle, "--input", tmp_path / "texts.parquet"))] == expected


def test_csv_out_is_chosen_by_the_name_and_reads_back(tiny_bundle, tmp_path, expected):
    path = tmp_path / "answers.csv"
    assert predict(tiny_bundle, *TEXTS, "--output", path) == ""
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    assert [row["text"] for row in rows] == TEXTS
    assert [row["label"] for row in rows] == expected
    assert float(rows[0]["good"]) == pytest.approx(float(rows[0]["score"]))
    assert {file.name for file in tmp_path.iterdir()} == {"answers.csv"}


def test_multi_label_answers_are_lists(tmp_path):
    folder = token_bundle(tmp_path, outputs=Outputs(labels=("x", "y", "z"), multi_label=True))
    assert isinstance(answers(predict(folder, "good"))[0]["labels"], list)


def test_an_error_leaves_the_old_output(tiny_bundle, tmp_path):
    source, output = tmp_path / "texts.jsonl", tmp_path / "answers.jsonl"
    source.write_text('{"text": "good"}\n{broken\n', encoding="utf-8")
    output.write_text("old\n", encoding="utf-8")
    with pytest.raises(DataError):
        predict(tiny_bundle, "--input", source, "--output", output)
    assert output.read_text(encoding="utf-8") == "old\n"
    assert {file.name for file in tmp_path.iterdir()} == {"texts.jsonl", "answers.jsonl"}


def test_the_input_may_be_the_output(tiny_bundle, tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "good"}\n' * 3, encoding="utf-8")
    predict(tiny_bundle, "--input", path, "--output", path)
    assert [row["label"] for row in answers(path.read_text(encoding="utf-8"))] == ["good"] * 3


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (["good", "--input", "texts.txt"], TaskError, "both"),
        (["good", "--format", "xml"], TaskError, "jsonl or csv"),
        (["--input", "missing.csv"], DataError, "not found"),
        (["good", "--output", "no/such/folder/answers.csv"], StorageError, "answers.csv"),
    ],
)
def test_mistakes_are_explained(tiny_bundle, in_tmp_path, arguments, error, said):
    with pytest.raises(error, match=said):
        predict(tiny_bundle, *arguments)


def test_a_missing_column_names_those_found(tiny_bundle, tmp_path):
    write_table(tmp_path / "texts.csv", delimiter=",")
    with pytest.raises(DataError, match=r"id, review"):
        predict(tiny_bundle, "--input", tmp_path / "texts.csv", "--column", "text")


def test_an_input_that_cannot_be_read_is_not_blamed_on_the_output(tiny_bundle, tmp_path, monkeypatch):
    (tmp_path / "texts.txt").write_text("good\n", encoding="utf-8")
    output = tmp_path / "answers.jsonl"
    monkeypatch.setattr("penjing.data.readers._READERS", {".txt": _unreadable})
    found = CliRunner().invoke(app, ["predict", str(tiny_bundle), "-i", str(tmp_path / "texts.txt"), "-o", str(output)])
    assert isinstance(found.exception, OSError)
    assert "answers" not in str(found.exception)
    assert not output.exists()


def _unreadable(path, columns):
    raise OSError(5, "Input/output error")
    yield


def test_stdin_that_is_not_utf8_is_explained(tiny_bundle):
    with pytest.raises(DataError, match="line 2"):
        predict(tiny_bundle, "--input", "-", stdin=b"good\n\xc4\xe3\n")


def test_no_bundle_is_explained(tmp_path):
    with pytest.raises(BundleError, match="penjing fit"):
        predict(tmp_path, "good")


def test_a_reader_that_leaves_is_no_error(tiny_bundle, tmp_path):
    (tmp_path / "texts.txt").write_text("good film\n" * 20_000, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "penjing",
        "predict",
        str(tiny_bundle),
        "--input",
        str(tmp_path / "texts.txt"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
        process.wait(timeout=20)
    assert said == b""


def test_a_cold_prediction_is_quick_and_needs_no_torch(tiny_bundle):
    started = time.monotonic()
    done = run("predict", tiny_bundle, "good")
    took_s = time.monotonic() - started
    assert answers(done.stdout)[0]["label"] == "good"
    assert done.stderr == ""
    assert took_s < 10  # the figure is taken in benchmarks; this only catches a torch-sized import


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line(tiny_bundle):
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-m", "penjing", "predict", str(tiny_bundle), "good"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: the disk is full: 'stdout'")
    assert done.stderr.count("\n") == 1


def test_a_disk_that_fills_up_leaves_the_old_output(tiny_bundle, tmp_path, monkeypatch):
    output = tmp_path / "answers.jsonl"
    output.write_text("old\n", encoding="utf-8")

    def fill(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("penjing.cli.write.json.dumps", fill)
    with pytest.raises(StorageError, match=r"disk is full.*answers\.jsonl"):
        predict(tiny_bundle, "good", "--output", output)
    assert {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()} == {"answers.jsonl": "old\n"}


def test_texts_are_counted_for_people_on_stderr_alone(monkeypatch, capsys):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(counted(iter("abc"))) == ["a", "b", "c"]
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "3 texts answered" in shown.err


def test_nothing_is_counted_for_a_pipe(capsys):
    assert list(counted("abc")) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")
