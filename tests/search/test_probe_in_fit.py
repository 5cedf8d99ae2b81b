"""A run whose training time is limited: the teacher's head starts from a probe, inside that time."""

import json

from penjing import fit, read_task
from tests.tiny_task import write_tiny_task


def test_a_run_with_limited_training_time(tmp_path):
    task = read_task(write_tiny_task(tmp_path), overrides={"budget.train_time": "20 s"})
    result = fit(task, output=tmp_path / "run", cache=tmp_path / "cache")
    teacher = next(trial for trial in result.trials if trial.role == "teacher")
    assert teacher.quality.value > 0.9
    stage = next((tmp_path / "run" / "stages").glob("teacher-*"))
    assert json.loads((stage / "result.json").read_text(encoding="utf-8"))["prepared_s"] > 0
