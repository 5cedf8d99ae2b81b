"""What `penjing fit` prints when it is done: the trials, the choice and why, and what to do with it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable

import typer
from rich.console import Console
from rich.table import Table

from penjing.bundle.golden import read_golden
from penjing.bundle.read import read_manifest
from penjing.records import Trial
from penjing.search.fit import FitResult
from penjing.spec import Task
from penjing.units import show_seconds, show_size

_FEWEST_CHARACTERS, _MOST_CHARACTERS = 10, 60  # of an example text
_FILE_WIDTH = 120  # where nobody says how wide it is: a file, a pipe
_STYLES = {"met": "green", "undecided": "yellow", "not met": "red"}


def show_result(task: Task, result: FitResult, *, as_json: bool) -> None:
    """Print the result on stdout, for people or as JSON."""
    if as_json:
        typer.echo(json.dumps(_plain(result), ensure_ascii=False))
        return
    console = Console()
    if not console.is_terminal:
        console.width = _FILE_WIDTH
    console.print(_table(task, result))
    console.print(f"\n[bold]Choice:[/] {result.choice}. {result.reason}.", highlight=False)
    for line in _test_lines(result):
        console.print(line, highlight=False)
    console.print(f"\nBundle  {result.bundle}\nReport  {result.report}\n", highlight=False)
    console.print("Try it:", highlight=False)
    for command in commands(result):
        console.print(f"  {command}", markup=False, emoji=False, highlight=False, soft_wrap=True)


def commands(result: FitResult) -> tuple[str, ...]:
    """Return the commands that use the bundle, the first with a text of the task."""
    bundle = shlex.quote(str(result.bundle))
    kind = read_manifest(result.bundle).kind
    if kind in _FILES:
        return (f"penjing predict {bundle} {_FILES[kind]}", f"penjing bench {bundle}", f"penjing verify {bundle}")
    if kind != "classify":
        return (f'penjing {kind} {bundle} "…"', f"penjing verify {bundle}")
    return (
        f"penjing predict {bundle} {shlex.quote(example(row.text for row in read_golden(result.bundle)))}",
        f"penjing bench {bundle}",
        f"penjing verify {bundle}",
    )


_FILES = {"image": "PICTURE.png", "audio": "SOUND.wav", "fused": "--input ROWS.csv"}


def example(texts: Iterable[str]) -> str:
    """Return a text that fits on a line: the first that says something in few words, or the beginning of the first.

    >>> example(["ok", "It works as it should.", "a" * 99])
    'It works as it should.'
    """
    lines = [" ".join(text.split()).lstrip("-") for text in texts]  # a leading "-" would be an option
    fitting = (line for line in lines if _FEWEST_CHARACTERS <= len(line) <= _MOST_CHARACTERS)
    return next(fitting, lines[0][:_MOST_CHARACTERS])


def _table(task: Task, result: FitResult) -> Table:
    table = Table(title=f"Trials: {task.bar.metric} on dev, 95 % intervals", title_justify="left", box=None)
    table.add_column("")
    table.add_column("trial", min_width=16)
    for name in (task.bar.metric, "size", "p50", "p95", "memory"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("bar", min_width=14)
    for trial in result.trials:
        table.add_row(*_row(trial, chosen=trial.name == result.choice))
    return table


def _row(trial: Trial, *, chosen: bool) -> tuple[str, ...]:
    quality, latency = trial.quality, trial.latency
    shown = "-"
    if quality is not None:
        shown = f"{quality.value:.3f} [dim]{quality.ci.low:.3f}-{quality.ci.high:.3f}[/]"
    return (
        "[bold green]➜[/]" if chosen else "",
        f"[bold]{trial.name}[/]" if chosen else trial.name,
        shown,
        show_size(trial.size_bytes) if trial.size_bytes else "-",
        show_seconds(latency.p50_s) if latency else "-",
        show_seconds(latency.p95_s) if latency else "-",
        show_size(trial.memory_bytes) if trial.memory_bytes else "-",
        _state(trial),
    )


def _state(trial: Trial) -> str:
    if trial.failed:
        return f"[red]failed: {trial.failed}[/]"
    if trial.verdict is None:
        return "-"
    word = f"[{_STYLES[trial.verdict.word]}]{trial.verdict.word}[/] [dim]P={trial.verdict.probability:.2f}[/]"
    over = dict.fromkeys(limit.split()[0] for limit in trial.over_budget)
    return f"{word} [red]over {', '.join(over)}[/]" if over else word


def _test_lines(result: FitResult) -> list[str]:
    verdict = result.verdict
    style = _STYLES[verdict.word]
    parts = [
        f"{name} {found.value:.4f} [{found.ci.low:.4f}, {found.ci.high:.4f}]" for name, found in result.test.items()
    ]
    n = next(iter(result.test.values())).n
    lines = [f"On test (n={n:,}): {'; '.join(parts)}."]
    drop = ""
    if verdict.drop is not None and verdict.drop_ci is not None:
        drop = f", drop {verdict.drop:+.4f} [{verdict.drop_ci.low:+.4f}, {verdict.drop_ci.high:+.4f}]"
    more = f" About {verdict.n_to_decide:,} test examples would decide it." if verdict.n_to_decide else ""
    lines.append(f"The bar is [{style}]{verdict.word}[/] (P={verdict.probability:.2f}{drop}).{more}")
    baseline, chosen = result.test.get("linear"), result.test.get(result.choice)
    if baseline and chosen and result.choice != "linear" and baseline.value >= chosen.value:
        lines.append("[yellow]The linear baseline is as good on test: this task may not need a transformer.[/]")
    memory = result.test.get("translation memory")
    if memory and chosen and memory.value >= chosen.value:
        lines.append("[yellow]The translation memory is as good or better on test: the model learned too little.[/]")
    if result.choice == "linear":
        lines.append("[yellow]The linear baseline wins: with this bar, this task does not need a transformer.[/]")
    return lines


def _plain(result: FitResult) -> dict[str, object]:
    return {
        "choice": result.choice,
        "reason": result.reason,
        "verdict": result.verdict.model_dump(),
        "test": {name: found.model_dump() for name, found in result.test.items()},
        "trials": [trial.model_dump() for trial in result.trials],
        "bundle": str(result.bundle),
        "report": str(result.report),
    }
