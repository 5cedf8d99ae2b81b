"""penjing check: what is wrong with data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from penjing.check.finding import Finding
    from penjing.check.read import Data
    from penjing.data.labelled_files import Medium
    from penjing.spec import DataSpec

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


def check(
    data: Annotated[
        str,
        typer.Argument(
            help="A task file, a .csv, .tsv, .jsonl or .parquet file, or a folder of pictures or sounds.",
            show_default=False,
        ),
    ],
    text: Annotated[str, typer.Option(help="Of a file: the column that holds the text.")] = "text",
    label: Annotated[str, typer.Option(help="Of a file: the column that holds the label.")] = "label",
    image: Annotated[
        str | None, typer.Option(help="Of a file with pictures: the column that holds them.", show_default=False)
    ] = None,
    audio: Annotated[
        str | None, typer.Option(help="Of a file with sounds: the column that holds them.", show_default=False)
    ] = None,
    write: Annotated[
        Path | None, typer.Option("--write", help="A new .csv file for the data without what is wrong.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every finding with all its rows, as JSON.")] = False,
) -> None:
    """Look for what makes data bad to learn from, or its figures not to be trusted.

    Repeats and contradictions, leaks between splits, labels that are likely wrong, rare and uneven labels, lengths and
    languages, personal data, broken encodings: each with examples and what to do. --write leaves out empty texts,
    repeats, contradictions and leaks, and puts marks in place of personal data. Of pictures and sounds: files that
    cannot be read, repeats, contradictions, leaks and rare labels.
    Exit code: 0 nothing grave, 3 errors were found (with --write: that are still there), 2 the data cannot be read.

    Examples:

      penjing check task.toml

      penjing check photos/

      penjing check photos.csv --image path

      penjing check tickets.csv --text message --label team --write clean.csv
    """
    from importlib.util import find_spec

    from rich.console import Console

    from penjing.errors import MissingExtraError, TaskError

    if find_spec("sklearn") is None:
        raise MissingExtraError("scikit-learn", extra="train")
    from penjing.check.run import check_data
    from penjing.check.write import cleaned_paths, write_cleaned
    from penjing.cli.progress import StageBars

    if found := _files(data, image=image, audio=audio, label=label):
        from penjing.check.labelled_files import check_files
        from penjing.data.labelled_files import list_files

        spec, medium = found
        if write is not None:
            raise TaskError(f"{medium.many} are not written", value=str(write), next_step="Leave out --write")
        with StageBars(Console(stderr=True)) as reporter:
            findings = check_files(list_files(spec, medium), medium, seed=spec.seed, reporter=reporter)
            _end(findings, None, as_json=as_json)
        return
    given = _data(data, text=text, label=label)
    paths = None if write is None else cleaned_paths(write, list(given.parts))
    with StageBars(Console(stderr=True)) as reporter:
        of_texts = check_data(given.parts, reporter=reporter)
    counts = None if paths is None else write_cleaned(given, of_texts, paths)
    _end(of_texts, counts, as_json=as_json, parts=given.parts)


def _end(
    found: Sequence[Finding],
    counts: Mapping[str, int] | None,
    *,
    as_json: bool,
    parts: Mapping[str, Sequence[object]] | None = None,
) -> None:
    """Show what was found, and how many rows were written; end with 3 where something grave is left."""
    if as_json:
        typer.echo(json.dumps({"findings": [one.counted_from_one() for one in found], "written": counts}))
    else:
        for finding in found:
            _show(finding)
        for part, count in (counts or {}).items():
            left = len(parts[part]) - count if parts else 0
            typer.echo(f"\nwritten   {count:,} rows of {part}, {left:,} left out", nl=False)
        typer.echo()
    if any(finding.severity == "error" and not (counts and finding.dropped) for finding in found):
        raise typer.Exit(3)


def _files(data: str, *, image: str | None, audio: str | None, label: str) -> tuple[DataSpec, Medium] | None:
    """Return where the pictures or sounds of a task, a folder or a table are; None where `data` is of texts."""
    from penjing.data.labelled_files import MEDIA, PICTURES, SOUNDS
    from penjing.spec import DataSpec
    from penjing.task_file import read_task

    if audio is not None:
        return DataSpec(source=data, audio=audio, label=label), SOUNDS
    if Path(data).is_dir():
        files = (path.suffix.lower() for path in Path(data).rglob("*"))
        heard = any(suffix in SOUNDS.suffixes for suffix in files)
        return DataSpec(source=data, label=label), SOUNDS if heard else PICTURES
    if image is not None:
        return DataSpec(source=data, image=image, label=label), PICTURES
    task = read_task(Path(data)) if data.endswith(".toml") else None
    return (task.data, MEDIA[task.kind]) if task is not None and task.kind in MEDIA else None


def _data(data: str, *, text: str, label: str) -> Data:
    from penjing.check.read import read_data
    from penjing.errors import TaskError
    from penjing.spec import DataSpec
    from penjing.task_file import read_task

    if data.endswith(".toml"):
        task = read_task(Path(data))
        if task.kind != "classify":
            raise TaskError("only data of classifiers can be checked yet", value=task.kind)
        return read_data(task.data)
    return read_data(DataSpec(source=data, text=text, label=label))


def _show(finding: Finding) -> None:
    typer.secho(f"\n{finding.severity:<8}{finding.name}: {finding.says}", fg=_COLOURS[finding.severity], nl=False)
    for example in finding.examples:
        typer.echo(f"\n          {example}", nl=False)
    if finding.fix != "nothing":
        typer.echo(f"\n        - {finding.fix}", nl=False)
    typer.echo()
