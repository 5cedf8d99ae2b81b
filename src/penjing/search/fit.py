"""The main job: data, a bar and a budget in; the smallest bundle that meets the bar out.

What the stages are depends on the kind of the task: see `penjing.search.run` and `penjing.search.text.run`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from penjing.errors import MissingExtraError
from penjing.files import storage_error, write_text
from penjing.progress import Reporter, Silent
from penjing.records import Quality, Trial, Verdict
from penjing.spec import AUTO, Kind, Task

_RUNS: Mapping[Kind, str] = {
    "classify": "penjing.search.run",
    "generate": "penjing.search.text.run",
    "translate": "penjing.search.translation.run",
    "image": "penjing.search.image.run",
    "audio": "penjing.search.audio.run",
    "fused": "penjing.search.fused.run",
}
_NEEDED: Mapping[Kind, tuple[str, tuple[str, ...]]] = {
    "classify": ("train", ("torch", "onnx", "sklearn")),
    "generate": ("generate", ("torch", "transformers", "peft", "gguf", "xllamacpp")),
    "translate": ("translate", ("torch", "transformers", "sentencepiece", "ctranslate2", "sacrebleu")),
    "image": ("image", ("torch", "onnx", "sklearn", "PIL", "kornia", "transformers")),
    "audio": ("audio", ("torch", "onnx", "sklearn", "soundfile", "soxr", "kornia")),
    "fused": ("fused", ("torch", "onnx", "sklearn", "PIL", "soundfile", "soxr", "kornia")),
}
REPORT_NAME = "report.html"
BUNDLE_NAME = "bundle"
PLAN_NAME = "plan.json"


@dataclass(frozen=True)
class FitResult:
    """What `fit` hands back."""

    trials: tuple[Trial, ...]
    """Every candidate, with its figures on dev."""
    choice: str
    """The name of the chosen trial, or of the nearest miss where `verdict.word` is "not met"."""
    reason: str
    verdict: Verdict
    """On test."""
    test: Mapping[str, Quality]
    """The quality on test of the choice, the teacher and the linear baseline."""
    bundle: Path
    report: Path

    @property
    def exit_code(self) -> int:
        """0 where the bar is met or undecided, 3 where it is not met."""
        return 3 if self.verdict.word == "not met" else 0


def fit(
    task: Task,
    *,
    output: str | Path | None = None,
    cache: str | Path | None = None,
    reporter: Reporter | None = None,
    command: str | None = None,
) -> FitResult:
    """Return the smallest or fastest model that meets the task's bar within its budget, as a bundle on disk.

    Finished stages in `output` (default: runs/NAME) are used again, so a killed run goes on where it stopped and a
    changed bar uses the trained models again (of elastic students other sizes may be polished). Pretrained models are
    kept in `cache` (default: the user's cache folder).
    Where the task's model is "auto" a plan chooses it. The report names `command` as what rebuilds it (default: this
    call in Python).

    Raises:
        PenjingError: the data, the model or the disk is not fit for the task; the message says what to do.
    """
    _require_training(task)
    from penjing.train.cached_folder import default_cache

    folder = Path(output) if output is not None else Path("runs") / task.name
    kept = Path(cache) if cache is not None else default_cache()
    told = reporter or Silent()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, folder) from error
    if task.model == AUTO and task.kind == "fused":
        task = task.model_copy(update={"model": "new"})
    if task.model == AUTO:
        task = _with_model(task, folder, told)
        command = command and f"{command} --model {shlex.quote(task.model)}"
    run = import_module(_RUNS[task.kind]).run
    rebuild = command or _call(task, folder)
    return cast(FitResult, run(task, output=folder, cache=kept, reporter=told, command=rebuild))


def _with_model(task: Task, folder: Path, reporter: Reporter) -> Task:
    """Return the task with the model that a plan puts first: planned once for a run, whatever is installed later."""
    from penjing.select.auto import choose_model

    reporter.begin("plan")
    path = folder / PLAN_NAME
    reused = path.is_file()
    if not reused:
        chosen = choose_model(task)
        write_text(path, json.dumps({"model": chosen.model, "says": chosen.says}))
    found = json.loads(path.read_text(encoding="utf-8"))
    reporter.end(found["says"], reused=reused)
    return task.model_copy(update={"model": found["model"]})


def _call(task: Task, output: Path) -> str:
    values = task.model_dump(mode="json", exclude_defaults=True)
    return f"penjing.fit(penjing.Task.model_validate({values!r}), output={str(output)!r})"


def _require_training(task: Task) -> None:
    if task.recipe.trials and find_spec("optuna") is None:
        raise MissingExtraError("optuna", extra="tune")
    extra, needed = _NEEDED[task.kind]
    for name in needed:
        if find_spec(name) is None:
            raise MissingExtraError(name, extra=extra)
