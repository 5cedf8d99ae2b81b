"""What a second run uses again, and what it must not."""

import json
import shutil

import pytest
from safetensors.numpy import load_file

from penjing import fit, read_task
from penjing.errors import EngineError
from penjing.measure.latency import Measured
from penjing.search import evaluate
from tests.shrink.small_tokenizers import SENTENCES
from tests.tiny_task import write_tiny_task

STUDENT = "1 layer, 50% FFN"


class Log:
    """Remembers of every stage whether it was used again."""

    def __init__(self):
        self.stage, self.reused = "", {}

    def begin(self, stage):
        self.stage = stage

    def advance(self, done, total, detail=""):
        pass

    def end(self, detail, *, reused):
        self.reused[self.stage] = reused


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A finished run and its task."""
    folder = tmp_path_factory.mktemp("first")
    task = write_tiny_task(folder)
    fit(read_task(task), output=folder / "run", cache=folder / "cache")
    return folder


@pytest.fixture
def finished(first, tmp_path):
    """A copy of the finished run that a test may change."""
    return shutil.copytree(first, tmp_path / "copy")


def again(folder, **overrides):
    log = Log()
    task = read_task(folder / "task.toml", overrides={name.replace("__", "."): v for name, v in overrides.items()})
    result = fit(task, output=folder / "run", cache=folder / "cache", reporter=log)
    return result, log.reused


def test_an_unchanged_task_makes_nothing_anew(finished):
    _, reused = again(finished)
    assert [stage for stage, used in reused.items() if not used] == ["data", "model", "bundle and report"]


def test_what_the_budget_rules_out_is_not_made(finished):
    teacher = (finished / "run" / "trials.jsonl").read_text(encoding="utf-8")
    assert '"name":"teacher int8"' in teacher
    result, _ = again(finished, budget__size="1 kB")
    assert "teacher int8" not in [trial.name for trial in result.trials]
    assert "teacher" in [trial.name for trial in result.trials]


def test_a_student_trained_anew_is_exported_and_measured_anew(finished):
    _, reused = again(finished, recipe__student_epochs=5)
    assert reused["teacher"]
    assert reused["export teacher"]
    for stage in (STUDENT, f"export {STUDENT}", "dev answers", "latency and memory"):
        assert not reused[stage], stage


def test_another_metric_chooses_other_weights(finished):
    _, reused = again(finished, bar__metric="mcc")
    assert not reused["teacher"]
    assert not reused[STUDENT]


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
def test_a_changed_file_of_the_model_is_another_model(file, finished):
    path = finished / "model" / file
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "note": 1}), encoding="utf-8")
    if file == "tokenizer.json":
        path.write_text(path.read_text(encoding="utf-8").replace(', "note": 1', ""), encoding="utf-8")
    _, reused = again(finished)
    assert not reused["vocabulary"]
    assert not reused["teacher"]


def test_a_changed_threshold_and_name_reach_the_bundle_without_training(finished):
    result, reused = again(finished, abstain_below=0.75, name="renamed")
    manifest = json.loads((result.bundle / "manifest.json").read_text(encoding="utf-8"))
    assert reused["teacher"]
    assert manifest["outputs"]["abstain_below"] == 0.75
    assert manifest["name"].startswith("renamed: ")


def test_a_licence_stated_later_reaches_the_bundle(finished):
    (finished / "model" / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    result, reused = again(finished)
    manifest = json.loads((result.bundle / "manifest.json").read_text(encoding="utf-8"))
    assert reused["teacher"]
    assert manifest["origin"]["licence"] == "mit"


def failing(*bad):
    def measure(commands, texts, **options):
        return {
            name: found if not bad or name not in bad else Measured(None, None, None, "out of memory")
            for name, found in measure_systems(commands, texts, **options).items()
        }

    measure_systems = evaluate.measure_systems
    return measure


def test_a_system_that_failed_once_is_measured_again(finished, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(evaluate, "measure_systems", failing(STUDENT))
        result, _ = again(finished, budget__threads=1)
    assert next(trial for trial in result.trials if trial.name == STUDENT).failed
    result, reused = again(finished, budget__threads=1)
    assert not reused["latency and memory"]
    assert all(trial.failed is None for trial in result.trials)


def test_when_nothing_could_be_measured_the_error_says_why(finished, monkeypatch):
    def none(commands, texts, **_):
        return {name: Measured(None, None, None, "out of memory") for name in commands}

    monkeypatch.setattr(evaluate, "measure_systems", none)
    with pytest.raises(EngineError, match="out of memory"):
        again(finished, budget__threads=1)


def test_students_learn_from_unlabelled_texts_too(finished):
    texts = [f"{SENTENCES[number % 4]} {number}" for number in range(30)]
    (finished / "more.txt").write_text("\n".join(texts), encoding="utf-8")
    _, reused = again(finished, data__unlabelled="more.txt")
    assert reused["teacher"]
    assert not reused["teacher's answers"]
    assert not reused[STUDENT]
    counts = {len(load_file(path)["starts"]) - 1 for path in finished.glob("run/stages/lessons-*/*.safetensors")}
    assert len(counts) == 2
    assert max(counts) - min(counts) == 9 * 30
