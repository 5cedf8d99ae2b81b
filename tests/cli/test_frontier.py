"""penjing frontier on the journal of a whole run on the tiny task."""

import json

import pytest

from penjing import fit, read_task
from tests.cli.test_main import run
from tests.tiny_task import write_tiny_task


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frontier")
    return fit(read_task(write_tiny_task(folder)), output=folder / "run", cache=folder / "cache"), folder / "run"


def test_the_trials_that_no_other_beats(finished):
    result, folder = finished
    found = json.loads(run("frontier", folder, "--json").stdout)
    assert found
    for trial in result.trials:
        assert any(
            other["quality"]["value"] >= trial.quality.value and other["size_bytes"] <= trial.size_bytes
            for other in found
        )
    shown = run("frontier", folder, "--by", "latency").stdout
    assert "█" in shown
    assert f"of {len(result.trials)} trials" in shown


def test_a_pick_is_a_bundle_that_answers_and_verifies(finished, tmp_path):
    result, folder = finished
    students = [trial for trial in result.trials if "int4" in trial.name]
    limit = students[0].size_bytes + 1
    made = tmp_path / "small"
    done = run("frontier", folder, "--pick", f"size<{limit}B,quality>0", "--output", made, "--json")
    assert done.returncode == 0, done.stderr
    picked = json.loads(done.stdout)["trial"]
    assert picked["size_bytes"] < limit
    manifest = json.loads((made / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["quality"]) == {"dev"}
    assert manifest["verdict"]["split"] == "dev"
    assert manifest["outputs"]["temperature"] == picked["temperature"]
    assert run("verify", made).returncode == 0
    assert "penjing predict" in run("frontier", folder, "--pick", "quality>0").stdout
    assert run("verify", folder / "pick").returncode == 0


@pytest.mark.parametrize("arguments", [["--pick", "size<1B"], ["--pick", "small"], ["--by", "colour"]])
def test_what_cannot_be_is_exit_code_2(arguments, finished):
    done = run("frontier", finished[1], *arguments)
    assert (done.returncode, done.stdout) == (2, "")


def test_no_run_is_one_line(tmp_path):
    done = run("frontier", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_files_of_the_user_are_not_replaced(finished, tmp_path):
    _, folder = finished
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    for place in (tmp_path, folder):
        done = run("frontier", folder, "--pick", "quality>0", "--output", place)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "would be lost" in done.stderr
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert (folder / "trials.jsonl").is_file()


def test_an_output_without_a_pick_is_refused(finished):
    assert run("frontier", finished[1], "--output", "small").returncode == 2
