"""What `penjing augment` and `penjing label` start from: the data of a task that is to classify."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from penjing.errors import MissingExtraError, TaskError

if TYPE_CHECKING:
    from penjing.data.dataset import Splits
    from penjing.spec import DataSpec


def classified_splits(path: Path, write: Path) -> tuple[DataSpec, Splits]:
    """Return the task's data, once it is known that `write` can be written.

    Raises:
        TaskError: the task is not to classify by one label.
        DataError: the data cannot be read, or `write` cannot be written.
    """
    for module, name in (("sklearn", "scikit-learn"), ("torch", "torch")):
        if find_spec(module) is None:
            raise MissingExtraError(name, extra="train")
    from penjing.augment.write import check_target
    from penjing.data import load_splits
    from penjing.task_file import read_task

    task = read_task(path)
    if task.kind != "classify" or task.data.label_separator is not None:
        raise TaskError("more examples can be made for tasks with one label a text", value=task.kind, rule="classify")
    check_target(write)
    return task.data, load_splits(task.data)


def texts_to_label(path: Path | None, spec: DataSpec, splits: Splits) -> list[str]:
    """Return the texts of a file, or of `data.unlabelled`, without those that train has or dev and test have alike.

    Raises:
        TaskError: no file is named.
        DataError: it cannot be read, or nothing is left of it.
    """
    from penjing.data import read_unlabelled

    source = path or (None if spec.unlabelled is None else Path(spec.unlabelled))
    if source is None:
        raise TaskError("which texts?", rule="--texts FILE, or data.unlabelled in the task file")
    return list(read_unlabelled(source, column=spec.text, splits=splits))
