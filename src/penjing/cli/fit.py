"""penjing fit: the main job."""

from __future__ import annotations

import shlex
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from penjing.errors import TaskError


def fit(
    task: Annotated[Path, typer.Argument(help="The task file (TOML).", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The run folder. [default: runs/NAME]", show_default=False),
    ] = None,
    model: Annotated[str | None, typer.Option(help="What the teacher starts from.")] = None,
    objective: Annotated[str | None, typer.Option(help="latency or size: what to make small.")] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="accuracy, macro_f1, mcc; generate: bits_per_byte, exact_match, rouge_l, chrf; translate: bleu, chrf."
        ),
    ] = None,
    at_least: Annotated[str | None, typer.Option(help="The bar: the metric's least value, such as 0.9.")] = None,
    drop_at_most: Annotated[str | None, typer.Option(help='The bar below the teacher: 0.01, or "1%".')] = None,
    confidence: Annotated[str | None, typer.Option(help="From 0.5 to 0.99, or strict (0.95).")] = None,
    size: Annotated[str | None, typer.Option(help='The budget: bytes of the bundle, such as "20 MB".')] = None,
    latency_p95: Annotated[str | None, typer.Option(help='The budget: text to answer, such as "10 ms".')] = None,
    memory: Annotated[str | None, typer.Option(help='The budget: peak memory, such as "300 MB".')] = None,
    train_time: Annotated[str | None, typer.Option(help='The budget: all training, such as "9 min".')] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Any other value of the task: recipe.layers=[4,2].")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The trials and the choice as JSON on stdout.")] = False,
) -> None:
    """From a task, its data, a bar and a budget to the smallest or fastest bundle that meets the bar.

    A killed run goes on where it stopped; a changed bar or budget re-uses every trained model
    (another metric or train-time trains anew; of elastic students other sizes may be polished).
    Exit code: 0 the bar is met or undecided, 3 not met, 2 something is wrong with the input.

    Examples:

      penjing fit examples/reviews/task.toml

      penjing fit task.toml --drop-at-most "1%" --size "10 MB" --train-time "5 min"

      penjing fit task.toml --set recipe.layers=[4,2] --set data.max_train=2000 --dry-run
    """
    from rich.console import Console

    from penjing.cli.fit_show import show_result
    from penjing.cli.progress import StageBars
    from penjing.search.dry_run import plan_lines
    from penjing.search.fit import fit as run
    from penjing.task_file import read_task

    named = {
        "model": model,
        "objective": objective,
        "bar.metric": metric,
        "bar.at_least": _number(at_least),
        "bar.drop_at_most": _number(drop_at_most),
        "bar.confidence": _number(confidence),
        "budget.size": size,
        "budget.latency_p95": latency_p95,
        "budget.memory": memory,
        "budget.train_time": train_time,
    }
    overrides = {name: value for name, value in named.items() if value is not None}
    overrides |= dict(_setting(text) for text in set_ or [])
    wanted = read_task(task, overrides=overrides)
    if dry_run:
        typer.echo("\n".join(plan_lines(wanted)))
        return
    with StageBars(Console(stderr=True)) as bars:
        result = run(wanted, output=output, reporter=bars, command=shlex.join(["penjing", *sys.argv[1:]]))
    show_result(wanted, result, as_json=as_json)
    raise typer.Exit(result.exit_code)


def _number(text: str | None) -> Any:
    """Return the number `text` spells, or `text` for words such as "strict" and "1%"."""
    try:
        return float(text) if text is not None else None
    except ValueError:
        return text


def _setting(text: str) -> tuple[str, Any]:
    """Return the name and the TOML value of "recipe.layers=[4,2]"; a bare word is a string."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise TaskError("--set takes name=value", value=text, next_step="Write --set recipe.layers=[4,2]")
    try:
        return name.strip(), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name.strip(), value.strip()
