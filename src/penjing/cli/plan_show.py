"""How a plan is printed: a table, what it comes to, and on demand every formula."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import typer

from penjing.catalog.facts import Device, catalog_devices, read_prices, source_of
from penjing.estimate.value import Estimate
from penjing.units import show_seconds, show_size

if TYPE_CHECKING:
    from rich.table import Table

    from penjing.select.candidate import Candidate
    from penjing.select.plan import Plan
    from penjing.select.probes import Probe

_Figure = tuple[str, Callable[["Candidate"], Estimate], Callable[[float], str]]
_WIDTH = 150  # where there is no terminal
_FIGURES: tuple[_Figure, ...] = (
    ("errors", lambda one: one.quality, lambda value: f"{value:.2f}x"),
    ("size", lambda one: one.size, show_size),
    ("answer", lambda one: one.time["answer"], show_seconds),
    ("memory", lambda one: one.memory["serve"], show_size),
    ("training", lambda one: one.time["train"], lambda value: show_seconds(value) if value else "-"),
    ("$ training", lambda one: one.cost["train"], lambda value: f"{value:,.2f}" if value else "-"),
    ("$ a month", lambda one: one.cost["month"], lambda value: f"{value:,.2f}"),
)
_WRITING: tuple[_Figure, ...] = (
    ("first piece", lambda one: one.time["first"], show_seconds),
    ("pieces/s", lambda one: one.time["piece"], lambda value: f"{1 / value:,.0f}"),
)


def show_plan(plan: Plan, tried: Sequence[Probe] | None, *, top: int, explain: bool, as_json: bool) -> None:
    """Print the plan, the best first, on stdout."""
    if as_json:
        found = plan.model_dump(mode="json")
        if tried is not None:
            found["tried"] = [probe.model_dump(mode="json") for probe in tried]
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    if tried is not None:
        console.print(_tried(tried))
        console.print(*(f"\n{line}" for line in (*_curves(tried), beside_the_plan(tried))), sep="")
        console.print()
    if plan.candidates:
        console.print(_table(plan.candidates[:top]))
        _footnotes(plan, top)
    for line in plan.advice:
        typer.echo(f"\n* {line}.", nl=False)
    typer.echo()
    for change in plan.changes:
        cost = "" if change.dollars_a_month is None else f" (${change.dollars_a_month:,.2f} a month)"
        details = "; ".join(part for part in (change.candidate, change.time) if part)
        typer.echo(f"  - {change.change}{cost}: {details}")
    if explain:
        for candidate in plan.candidates[:top]:
            _explain(candidate)
        for rejected in plan.rejected:
            typer.echo(f"\nrejected   {rejected.name}: {'; '.join(rejected.reasons)}", nl=False)
        typer.echo()


def show_devices() -> None:
    """Print every device that is known, with what it costs."""
    from rich.console import Console
    from rich.table import Table

    prices = read_prices()
    table = Table(box=None, pad_edge=False)
    for name in ("device", "", "operations/s", "memory", "bandwidth", "$ an hour", "$ to buy", "source"):
        table.add_column(name, overflow="fold")
    for device in catalog_devices().values():
        price = prices.devices.get(device.name)
        rent = "" if price is None or price.rent is None else "-".join(dict.fromkeys(f"{x:.2f}" for x in price.rent))
        buy = "" if price is None or price.buy is None else f"{price.buy:,.0f}"
        speed = device.bfloat16 or device.float32
        table.add_row(device.name, device.title, f"{speed / 1e12:,.2f} T", show_size(device.memory),
                      f"{show_size(device.bandwidth)}/s", rent, buy, _source(device))  # fmt: skip
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    console.print(table)


def _source(device: Device) -> str:
    unchecked = f"; unchecked: {', '.join(device.unchecked)}" if device.unchecked else ""
    return source_of("devices", device.source) + unchecked


def _table(candidates: Sequence[Candidate]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("group", justify="right")
    table.add_column("candidate", overflow="fold", min_width=24)
    figures = [*_FIGURES, *(_WRITING if "piece" in candidates[0].time else ())]
    for name, _, _ in figures:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("licence", overflow="fold")
    for one in candidates:
        cells = [show(figure(one).value) for _, figure, show in figures]
        table.add_row(f"{one.tie}{'' if one.fits else '?'}", one.name, *cells, one.licence)
    return table


def _footnotes(plan: Plan, top: int) -> None:
    need = plan.need
    more = len(plan.candidates) - top
    doubtful = any(not one.fits for one in plan.candidates[:top])
    lengths = f"{need.tokens:,} pieces read" + ("" if need.kind == "classify" else f", {need.written:,} written")
    typer.echo(
        f"\n{f'{more} more candidates (--top), ' if more > 0 else ''}{len(plan.rejected)} rejected (--explain). "
        f"A group cannot be told apart in quality; within it the cheapest comes first."
        f"{' ?: expected to break a limit, and may keep it.' if doubtful else ''} "
        f"errors: beside those of {plan.reference}. An answer: {lengths}. Served on {need.serve_on.title}, trained on "
        f"{need.train_on.title}, {need.requests:,} requests a month. Times may be half or twice as long."
    )


def _tried(tried: Sequence[Probe]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name, justify in (("tried on your data", "left"), ("accuracy on dev", "right"), ("95 %", "right"),
                          ("LogME", "right"), ("examples", "right"), ("took", "right")):  # fmt: skip
        table.add_column(name, justify="right" if justify == "right" else "left", no_wrap=True)
    for probe in tried:
        found = probe.quality
        table.add_row(probe.name, f"{found.value:.4f}", f"{found.ci.low:.3f}-{found.ci.high:.3f}",
                      "-" if probe.logme is None else f"{probe.logme:.3f}", f"{probe.curve.examples[-1]:,}",
                      show_seconds(probe.seconds))  # fmt: skip
    return table


def _curves(tried: Sequence[Probe]) -> list[str]:
    """Return what more examples would bring the best way and, where that is another, n-grams."""
    lines = []
    for probe in dict.fromkeys((tried[0].name, "n-grams")):
        curve = next(one.curve for one in tried if one.name == probe)
        path = " -> ".join(
            f"{accuracy:.3f} ({n:,})" for n, accuracy in zip(curve.examples, curve.accuracy, strict=True)
        )
        low, high = 100 * curve.gain_ci.low, 100 * curve.gain_ci.high
        lines.append(
            f"{probe}: {path}; {curve.more:,} more examples are expected to add {100 * curve.gain:.1f} points "
            f"({low:.1f} to {high:.1f})"
        )
    return lines


def beside_the_plan(tried: Sequence[Probe]) -> str:
    """Return how what was tried and the order of the plan go together."""
    best, ngrams = tried[0], next(one for one in tried if one.name == "n-grams")
    order = "the order below is by published scores, sizes and prices, and does not know it"
    if best is ngrams:
        return f"n-grams lead on your data; a frozen encoder says little of what fine-tuning gains, and {order}"
    apart = "with intervals that overlap" if best.quality.ci.low <= ngrams.quality.ci.high else "beyond both intervals"
    more = 100 * (best.quality.value - ngrams.quality.value)
    return f"{best.name} is {more:.1f} points above n-grams on your data ({apart}) before it is fine-tuned; {order}"


def _explain(candidate: Candidate) -> None:
    typer.echo(f"\n{candidate.name}" + (f"   model = {candidate.model!r}" if candidate.model else ""))
    for name, figure, show in _FIGURES:
        found = figure(candidate)
        inputs = ", ".join(
            f"{key} {value:,.6g}" if isinstance(value, float | int) else f"{key} {value}"
            for key, value in found.inputs.items()
        )
        typer.echo(
            f"  {name:<11}{show(found.value)} ({show(found.low)} to {show(found.high)}, {found.basis}): {found.formula}"
            + (f"; {inputs}" if inputs else "")
        )
    for reason in candidate.reasons:
        typer.echo(f"  - {reason}")
