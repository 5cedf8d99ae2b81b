"""What `fit` would do, without doing it: what the task names is there, and its stages in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from penjing.errors import DataError, ModelError
from penjing.spec import AUTO, Bar, DataSpec, Task
from penjing.task_file import is_reference

_FROM_NOTHING = "new"


def plan_lines(task: Task) -> Sequence[str]:
    """Return what `fit` would do, a line a stage, without doing it.

    Raises:
        DataError: a file that the task names is not there.
        ModelError: its model is neither a reference nor a path that is there.
    """
    _check_files(task.data)
    _check_model(task.model)
    budget = task.budget
    limits = [f"{name} <= {getattr(budget, name)}" for name in type(budget).model_fields if getattr(budget, name)]
    recipe = task.recipe.model_dump(exclude_defaults=True)
    told = ", ".join(f"{name} = {value}" for name, value in recipe.items()) or "as usual for the model and the data"
    return (
        f"task      {task.name} ({task.kind})",
        f"data      {task.data.source or task.data.train}",
        f"model     {task.model}",
        f"bar       {', '.join([task.bar.metric, *_limits(task.bar, ('at_least', 'at_most', 'drop_at_most'))])}",
        f"budget    {', '.join(limits)}",
        f"recipe    {told}",
        f"objective {task.objective}",
    )


def _limits(bar: Bar, names: Sequence[str]) -> list[str]:
    return [f"{name} {value}" for name in names if (value := getattr(bar, name)) is not None]


def _check_files(data: DataSpec) -> None:
    named = (data.source, data.train, data.dev, data.test, data.unlabelled, data.more)
    for name in named:
        if name is not None and not is_reference(name) and "{lang}" not in name and not Path(name).exists():
            raise DataError("data file not found", value=name, next_step="Check the path")


def _check_model(model: str) -> None:
    path = model.removeprefix("gguf:")
    if model in {AUTO, _FROM_NOTHING} or is_reference(path) or Path(path).expanduser().exists():
        return
    raise ModelError(
        "model not found",
        value=model,
        rule=f"a reference such as package:NAME or hf:org/name, a path, {AUTO} or {_FROM_NOTHING}",
        next_step="Check the path"
        + ("" if path.startswith(("/", ".", "~")) or path.endswith(".gguf") else f", or did you mean hf:{path}?"),
    )
