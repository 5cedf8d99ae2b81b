"""penjing plan: which model, which machine, what it will cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def plan(
    task: Annotated[Path | None, typer.Argument(help="A task file (TOML); or say the task with options.")] = None,
    kind: Annotated[str | None, typer.Option("--task", help="classify, generate or translate.")] = None,
    languages: Annotated[
        str | None, typer.Option(help="With commas; to translate: from,into. [default: en, or the data's]")
    ] = None,
    examples: Annotated[int | None, typer.Option(min=1, help="Labelled examples, or pairs.")] = None,
    labels: Annotated[int | None, typer.Option(min=1, help="To classify: how many labels. [default: 2]")] = None,
    tokens: Annotated[
        int | None, typer.Option(min=1, max=1_000_000, help="Pieces of a text, or of a prompt. [default: 64]")
    ] = None,
    written: Annotated[int | None, typer.Option(min=1, max=100_000, help="Pieces of an answer. [default: 64]")] = None,
    device: Annotated[str, typer.Option(help="Where it is to serve: here, or a device of --devices.")] = "here",
    train_on: Annotated[str, typer.Option(help="Where it is to be trained.")] = "here",
    bar: Annotated[float | None, typer.Option(min=0, max=1, help="The quality that must be met, such as 0.9.")] = None,
    size: Annotated[str | None, typer.Option(help='At most, such as "20 MB".')] = None,
    latency: Annotated[str | None, typer.Option(help='Of an answer at most, such as "10 ms".')] = None,
    memory: Annotated[str | None, typer.Option(help='To serve at most, such as "300 MB".')] = None,
    requests: Annotated[int, typer.Option(min=1, help="A month.")] = 1_000_000,
    licences: Annotated[
        str, typer.Option(help="free, terms (read them) and research (not commercial), with commas.")
    ] = "free,terms",
    offline: Annotated[bool, typer.Option("--offline", help="Only models that Python packages ship.")] = False,
    prices: Annotated[
        Path | None,
        typer.Option(help="Your prices over ours, a TOML file; sky: SkyPilot's catalog here.", show_default=False),
    ] = None,
    try_: Annotated[
        bool, typer.Option("--try", help="Judge what is installed on the task's own data, without fine-tuning.")
    ] = False,
    devices: Annotated[bool, typer.Option("--devices", help="List the devices that are known, and stop.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show the formula and the inputs of every figure.")
    ] = False,
    top: Annotated[int, typer.Option(min=1, help="How many candidates to show.")] = 8,
    as_json: Annotated[
        bool, typer.Option("--json", help="All candidates and all that were rejected, as JSON.")
    ] = False,
) -> None:
    """Rank models for a task before anything is trained: what fits, what it takes, what it costs, and why.

    Figures come from config files, published tables and what this machine was measured to do, each with its range; no
    model is downloaded. Quality is the error relative to the strongest candidate: 1.2 is a fifth more errors. With
    --try what is installed is judged on the task's data, in seconds to minutes.
    Exit code: 0 something fits, 3 nothing does, 2 something is wrong with the input.

    Examples:

      penjing plan --task classify --languages zh --examples 3000 --device pi5 --bar 0.9

      penjing plan examples/reviews/task.toml --try

      penjing plan --task generate --languages zh,en --tokens 500 --device l4 --requests 200000 --explain
    """
    from penjing.cli.plan_show import show_devices, show_plan

    if devices:
        show_devices()
        return
    from penjing.catalog.facts import read_prices
    from penjing.errors import TaskError
    from penjing.select.api import make_limits, make_need
    from penjing.select.plan import make_plan
    from penjing.task_file import read_task

    limits = make_limits(size=size, latency=latency, memory=memory, licences=licences)
    said: dict[str, Any] = {"device": device, "train_on": train_on, "requests": requests, "offline": offline}
    given = {"examples": examples, "labels": labels, "tokens": tokens, "written": written, "bar": bar}
    said |= {name: value for name, value in given.items() if value is not None}
    splits = None
    if task is None:
        if try_:
            raise TaskError("--try needs data", rule="a task file", next_step="penjing plan task.toml --try")
        need = make_need(kind or "", languages or "en", **limits, **said)
    elif kind is not None:
        raise TaskError("a task file and --task", rule="one of them", next_step="penjing plan --help")
    else:
        from penjing.select.task_need import need_of_task

        need, splits = need_of_task(read_task(task), languages=languages, limits=limits, said=said)
    found = make_plan(need, read_prices(prices))
    tried = None
    if try_:
        from penjing.cli.plan_try import tried_here

        tried = tried_here(splits, found)
    show_plan(found, tried, top=top, explain=explain, as_json=as_json)
    if not found.candidates:
        raise typer.Exit(3)
