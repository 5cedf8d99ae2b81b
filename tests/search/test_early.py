"""The bundle that is there while students still train."""

import pytest
from typer.testing import CliRunner

from penjing import fit, load, read_task
from penjing.bundle import read_manifest
from penjing.cli.main import app
from penjing.search import run
from tests.tiny_task import write_tiny_task


class InterruptedRunError(Exception):
    pass


def interrupt(context, teacher):
    raise InterruptedRunError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("early")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(run.STUDENTS, "separate", interrupt)
        with pytest.raises(InterruptedRunError):
            fit(read_task(write_tiny_task(folder)), output=folder / "run", cache=folder / "cache")
    return folder


def test_a_run_that_ends_before_its_students_leaves_a_bundle_that_answers(folder):
    manifest = read_manifest(folder / "run" / "bundle")
    assert set(manifest.quality) == {"dev"}
    assert manifest.verdict.word == "met"
    assert manifest.provisional
    said = CliRunner().invoke(app, ["predict", str(folder / "run" / "bundle"), "a good film"])
    assert "provisional" in said.stderr
    assert load(folder / "run" / "bundle").predict(["a good film"])


def test_test_was_not_touched(folder):
    assert not list((folder / "run" / "stages").glob("test-answers-*"))


def test_a_bundle_of_an_earlier_run_stays_until_there_is_a_better_one(folder):
    before = (folder / "run" / "bundle" / "manifest.json").read_bytes()
    task = read_task(folder / "task.toml", overrides={"recipe.epochs": 2})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(run.STUDENTS, "separate", interrupt)
        with pytest.raises(InterruptedRunError):
            fit(task, output=folder / "run", cache=folder / "cache")
    assert (folder / "run" / "bundle" / "manifest.json").read_bytes() == before


def test_a_bundle_of_other_data_is_replaced(folder):
    rows = (folder / "data.csv").read_text(encoding="utf-8").replace(",bad", ",poor")
    (folder / "other.csv").write_text(rows, encoding="utf-8")
    task = read_task(folder / "task.toml", overrides={"data.source": "other.csv"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(run.STUDENTS, "separate", interrupt)
        with pytest.raises(InterruptedRunError):
            fit(task, output=folder / "run", cache=folder / "cache")
    assert read_manifest(folder / "run" / "bundle").outputs.labels == ("good", "poor")
