"""penjing frontier: what each size costs and gives, from the journal of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from penjing.records import Trial
    from penjing.search.frontier import Cost

_BAR = 24  # characters of the longest bar


def frontier(
    run: Annotated[Path, typer.Argument(help="A run folder, such as runs/reviews.", show_default=False)],
    by: Annotated[
        Literal["size", "latency"], typer.Option("--by", help="What a trial costs: size, or latency (p50).")
    ] = "size",
    as_json: Annotated[bool, typer.Option("--json", help="The trials of the frontier as JSON.")] = False,
) -> None:
    """Show the frontier of a finished run: the trials that no other beats both in quality and in cost.

    The cheapest comes first. A smaller one becomes the bundle where fit runs again with a tighter size or latency, and
    a bar that it meets.
    Exit code: 0 shown, 2 there is no finished run.

    Examples:

      penjing frontier runs/reviews

      penjing frontier runs/reviews --by latency --json

      penjing fit task.toml --size "5 MB" --drop-at-most 0.03
    """
    from penjing.search.frontier import frontier as of
    from penjing.search.frontier import read_trials

    trials = read_trials(run)
    found = of(trials, cost=by)
    if as_json:
        typer.echo(json.dumps([trial.model_dump() for trial in found], ensure_ascii=False))
        return
    _show(found, of_all=len(trials), by=by)


def _show(found: tuple[Trial, ...], *, of_all: int, by: Cost) -> None:
    from rich.console import Console
    from rich.table import Table

    from penjing.search.frontier import cost_of
    from penjing.units import show_seconds, show_size

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    table = Table(box=None, pad_edge=False)
    table.add_column("trial", overflow="fold")
    for name in ("quality on dev", "95 %", "size", "p50"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(f"{by}, longest = {_BAR}", no_wrap=True)
    most = max((cost_of(trial, by) or 0 for trial in found), default=0)
    for trial in found:
        assert trial.quality is not None
        table.add_row(
            trial.name,
            f"{trial.quality.value:.4f}",
            f"{trial.quality.ci.low:.3f}-{trial.quality.ci.high:.3f}",
            show_size(trial.size_bytes) if trial.size_bytes else "-",
            show_seconds(trial.latency.p50_s) if trial.latency else "-",
            "█" * max(1, round(_BAR * (cost_of(trial, by) or 0) / most)) if most else "",
        )
    console.print(table)
    console.print(f"\n{len(found)} of {of_all} trials: no other is as good for less.", style="dim")
