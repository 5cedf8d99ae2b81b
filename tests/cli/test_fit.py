"""The main job from the command line, on a tiny BERT and a tiny task made here; killed, and run again."""

import csv
import json
import os
import shlex
import signal
import subprocess
import sys

import pytest

from tests.tiny_task import write_tiny_task


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    """A folder with task.toml, data.csv and a BERT with two tiny layers."""
    return write_tiny_task(tmp_path_factory.mktemp("task"))


def command(task, *arguments):
    return [sys.executable, "-m", "penjing", "fit", str(task), *map(str, arguments)]


def quiet_environment():
    return os.environ | {"OMP_NUM_THREADS": "1"}


def run(task, *arguments):
    return subprocess.run(
        command(task, *arguments), capture_output=True, text=True, env=quiet_environment(), check=False
    )


@pytest.fixture(scope="module")
def finished(task, tmp_path_factory):
    output = tmp_path_factory.mktemp("run") / "tiny"
    done = run(task, "--output", output, "--json")
    assert done.returncode == 0, done.stderr
    return output, json.loads(done.stdout), done.stderr


def stages(stderr):
    """The finished stages: whether each was re-used."""
    return {line[2:40].strip(): "re-used" in line for line in stderr.splitlines() if line.startswith("✓")}


def test_the_run_ends_with_a_bundle_and_a_report(finished):
    output, result, stderr = finished
    assert result["bundle"] == str(output / "bundle")
    assert {trial["role"] for trial in result["trials"]} == {"baseline", "teacher", "plain-int8", "candidate"}
    report = (output / "report.html").read_text(encoding="utf-8")
    assert "<html" in report
    assert 'id="expected"' in report
    assert len((output / "trials.jsonl").read_text(encoding="utf-8").splitlines()) == len(result["trials"])
    manifest = json.loads((output / "bundle" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["quality"]["test"]["n"] == 24
    assert manifest["verdict"] is not None
    assert "teacher" in stages(stderr)


def test_the_bundle_answers(finished, task):
    output, _, _ = finished
    data = task.parent / "data.csv"
    call = [sys.executable, "-m", "penjing", "predict", str(output / "bundle"), "--input", str(data)]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    found = [json.loads(line)["label"] for line in done.stdout.splitlines()]
    with data.open(encoding="utf-8", newline="") as file:
        truth = [row["label"] for row in csv.DictReader(file)]
    assert len(found) == len(truth)
    assert sum(a == b for a, b in zip(found, truth, strict=True)) > 0.7 * len(truth)


def test_a_changed_bar_trains_nothing(finished, task):
    output, before, _ = finished
    done = run(task, "--output", output, "--drop-at-most", "0.2", "--json")
    again = json.loads(done.stdout)
    assert [trial["latency"] for trial in again["trials"]] == [trial["latency"] for trial in before["trials"]]
    reused = stages(done.stderr)
    for stage in ("vocabulary", "linear", "teacher", "1 layer, 50% FFN", "latency and memory"):
        assert reused[stage]


def test_a_bar_that_cannot_be_met_gives_exit_code_3_and_the_nearest_miss(finished, task):
    output, _, _ = finished
    done = run(task, "--output", output, "--size", "1 kB")
    assert done.returncode == 3
    assert "no trial meets the bar within the budget" in " ".join(done.stdout.split())
    assert (output / "bundle" / "manifest.json").is_file()


@pytest.mark.parametrize("after", ["data", "teacher", "1 layer, 50% FFN", "latency and memory"])
def test_killed_after_a_stage_and_run_again(after, task, tmp_path):
    output = tmp_path / "tiny"
    seen = kill_after(command(task, "--output", output), after)
    done = run(task, "--output", output, "--json")
    assert done.returncode == 0, done.stderr
    reused = stages(done.stderr)
    kept = [stage for stage in seen if stage not in {"data", "model", "first bundle"}]
    assert all(reused[stage] for stage in kept)
    assert not list((output / "stages").glob("*.partial"))
    check = subprocess.run([sys.executable, "-m", "penjing", "verify", str(output / "bundle")], check=False)
    assert check.returncode == 0


def kill_after(call, stage):
    """Start a run, kill it in the midst of what follows `stage`, and return the stages it had finished."""
    seen = []
    process = subprocess.Popen(
        call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=quiet_environment()
    )
    assert process.stderr is not None
    with process:
        for line in process.stderr:
            if line.startswith("✓"):
                seen.append(line[2:40].strip())
            if seen and seen[-1] == stage:
                process.send_signal(signal.SIGKILL)
                break
    assert seen[-1] == stage
    return seen


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--drop-at-most", "much"], "drop_at_most"),
        (["--at-least", "high"], "at_least"),
        (["--set", "data.text=review"], "columns found: text, label"),
        (["--set", "data.source=nothing.csv"], "not found"),
        (["--model", "weights.bin"], "pickle"),
        (["--set", "recipe.layer=[2]"], "layers"),
        (["--size", "small"], "size"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(arguments, message, task, tmp_path):
    (task.parent / "weights.bin").write_bytes(b"\x80\x04.")
    done = run(task, "--output", tmp_path / "out", *arguments)
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in done.stderr


def test_a_missing_task_file(tmp_path):
    done = run(tmp_path / "task.toml")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_dry_run_does_nothing(task, tmp_path):
    done = run(task, "--output", tmp_path / "out", "--dry-run")
    assert done.returncode == 0
    assert "model" in done.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "data.source=nothing.csv"], "data file not found"),
        (["--set", "data.more=nothing.csv"], "data file not found"),
        (["--model", "newx"], "did you mean hf:newx"),
        (["--model", "gguf:newx.gguf"], "model not found"),
    ],
)
def test_a_dry_run_says_what_is_not_there(arguments, message, task):
    done = run(task, "--dry-run", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_wrong_name_of_the_recipe_is_told_those_of_its_kind(task):
    done = run(task, "--set", "recipe.epoch=2", "--dry-run")
    assert done.returncode == 2
    assert "did you mean `epochs`" in done.stderr
    assert "lora_rank" not in done.stderr


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('kind=["generate"]', "kind"),
        ("recipe.teacher.widht=8", "Add `recipe.teacher.width`"),
        ("budget.sise=8", "did you mean `size`"),
    ],
)
def test_what_is_wrong_in_a_nested_table_is_said(setting, message, task):
    done = run(task, "--set", setting, "--dry-run")
    assert done.returncode == 2
    assert message in done.stderr


def test_the_lines_it_prints_work(finished, task):
    output, _, _ = finished
    done = run(task, "--output", output)
    lines = done.stdout.split("Try it:")[1].strip().splitlines()
    assert [line.split()[1] for line in lines] == ["predict", "bench", "verify"]
    call = [sys.executable, "-m", *shlex.split(lines[0])]
    answer = json.loads(subprocess.run(call, capture_output=True, text=True, check=True).stdout)
    assert answer["text"] in (task.parent / "data.csv").read_text(encoding="utf-8")
