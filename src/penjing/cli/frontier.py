"""penjing frontier: what each size costs and gives, from the journal of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from penjing.records import Cost, Trial

_BAR = 24  # characters of the longest bar
_USE = {
    "classify": "predict",
    "generate": "generate",
    "translate": "translate",
    "image": "predict",
    "audio": "predict",
    "fused": "predict",
}


def frontier(
    run: Annotated[Path, typer.Argument(help="A run folder, such as runs/reviews.", show_default=False)],
    by: Annotated[
        Literal["size", "latency"], typer.Option("--by", help="What a trial costs: size, or latency (p50).")
    ] = "size",
    pick: Annotated[
        str | None,
        typer.Option(
            "--pick",
            help="Make a bundle of the best trial that fulfils this, without training: "
            '"size<5MB", "latency<2ms,drop<0.02"; also memory, quality and engine. All on dev.',
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The folder of the picked bundle. [default: RUN/pick]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The trials of the frontier, or the pick, as JSON.")] = False,
) -> None:
    """Show the frontier of a finished run: the trials that no other beats both in quality and in cost.

    The cheapest comes first. With --pick the best trial that fulfils the conditions becomes a bundle of its own; it is
    known on dev alone. Where fit runs again with a tighter size or latency, it judges its choice on test.
    Exit code: 0 shown or made, 2 there is no finished run, or no trial fulfils the conditions.

    Examples:

      penjing frontier runs/reviews

      penjing frontier runs/reviews --by latency --json

      penjing frontier runs/reviews --pick "size<5MB" --output small

      penjing frontier runs/localise --pick "engine=onnxruntime"
    """
    from penjing.errors import TaskError
    from penjing.search.frontier import frontier as of
    from penjing.search.frontier import read_trials

    if output is not None and pick is None:
        raise TaskError("--output has no meaning here", rule="with --pick", next_step="Add --pick, or leave it out")
    trials = read_trials(run)
    if pick is not None:
        _make(run, trials, pick, folder=output or run / "pick", as_json=as_json)
        return
    found = of(trials, cost=by)
    if as_json:
        typer.echo(json.dumps([trial.model_dump() for trial in found], ensure_ascii=False))
        return
    _show(found, by=by)
    typer.echo(f"\n{len(found)} of {len(trials)} trials: no other is as good for less.")


def _make(run: Path, trials: tuple[Trial, ...], pick: str, *, folder: Path, as_json: bool) -> None:
    from penjing.bundle import read_manifest
    from penjing.search.pick import parse_conditions, pick_trial, write_pick

    trial = pick_trial(trials, parse_conditions(pick))
    write_pick(run, trial, folder)
    if as_json:
        typer.echo(json.dumps({"trial": trial.model_dump(), "bundle": str(folder)}, ensure_ascii=False))
        return
    _show((trial,), by="size")
    typer.echo(f'\nbundle   {folder}\nuse it   penjing {_USE[read_manifest(folder).kind]} {folder} "…"')


def _show(found: tuple[Trial, ...], *, by: Cost) -> None:
    from rich.console import Console
    from rich.table import Table

    from penjing.units import show_seconds, show_size

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 120
    table = Table(box=None, pad_edge=False)
    table.add_column("trial", overflow="fold")
    for name in ("quality on dev", "95 %", "size", "p50"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(f"{by}, longest = {_BAR}", no_wrap=True)
    most = max((trial.cost(by) or 0 for trial in found), default=0)
    for trial in found:
        assert trial.quality is not None
        table.add_row(
            trial.name,
            f"{trial.quality.value:.4f}",
            f"{trial.quality.ci.low:.3f}-{trial.quality.ci.high:.3f}",
            show_size(trial.size_bytes) if trial.size_bytes else "-",
            show_seconds(trial.latency.p50_s) if trial.latency else "-",
            "█" * max(1, round(_BAR * (trial.cost(by) or 0) / most)) if most else "",
        )
    console.print(table)
