"""A run whose training time is limited: to far more than its half a second, however busy the machine is."""

from penjing import fit, read_task
from tests.tiny_task import write_tiny_task


def test_a_run_with_limited_training_time(tmp_path):
    task = read_task(write_tiny_task(tmp_path), overrides={"budget.train_time": "2 min"})
    result = fit(task, output=tmp_path / "run", cache=tmp_path / "cache")
    teacher = next(trial for trial in result.trials if trial.role == "teacher")
    assert teacher.quality.value > 0.9
