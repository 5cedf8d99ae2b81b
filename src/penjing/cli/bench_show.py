"""Shows the figures of `penjing bench`: a table for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.table import Table

from penjing.cli.bench_measure import BenchRow
from penjing.measure.latency import speed_up
from penjing.measure.machine import machine
from penjing.measure.text_speed import TOKENS
from penjing.records import Latency
from penjing.units import show_size

_PIPE_WIDTH = 200  # rich would cut columns to 80 where there is no terminal to ask
_COLUMNS = {
    "classify": ("p50 ms [95 %]", "p95 ms", "engine ms", "texts/s", "memory", "size"),
    "image": ("p50 ms [95 %]", "p95 ms", "engine ms", "pictures/s", "memory", "size"),
    "audio": ("p50 ms [95 %]", "p95 ms", "engine ms", "sounds/s", "memory", "size"),
    "fused": ("p50 ms [95 %]", "p95 ms", "engine ms", "rows/s", "memory", "size"),
    "generate": ("p50 ms [95 %]", "p95 ms", "first token ms", "tokens/s", "memory", "size"),
}
_NONE = "-"


def as_plain(found: Sequence[BenchRow], *, threads: int, batch_size: int) -> str:
    """Return the figures as one JSON object: seconds, bytes, texts (or tokens) a second."""
    rows = {
        row.bundle: {
            "latency": row.measured.latency.model_dump() if row.measured.latency else None,
            "throughput_per_s": row.measured.throughput_per_s,
            "memory_bytes": row.measured.memory_bytes,
            "size_bytes": row.size_bytes,
            "energy_j": row.measured.energy_j,
            "failed": row.measured.failed,
        }
        for row in found
    }
    conditions = {"machine": machine().model_dump(), "threads": threads, "batch_size": batch_size}
    return json.dumps(conditions | {"bundles": rows}, ensure_ascii=False)


def show_bench(found: Sequence[BenchRow], *, threads: int, batch_size: int) -> None:
    """Print the table, how it was measured, and which differences are more than noise; failures to stderr."""
    table = Table(box=None, pad_edge=False)
    table.add_column("bundle", overflow="fold")
    for name in _COLUMNS[found[0].kind]:
        table.add_column(name, justify="right", no_wrap=True)
    for row in found:
        table.add_row(row.bundle, *_cells(row))
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False, markup=False)
    console.print(table)
    console.print("\n" + _conditions(found, threads=threads, batch_size=batch_size), style="dim")
    for line in comparisons(found):
        console.print(line)
    for row in found:
        if row.measured.failed:
            typer.secho(f"{row.bundle} failed: {row.measured.failed}", err=True, fg=typer.colors.RED)


def _cells(row: BenchRow) -> tuple[str, ...]:
    measured, latency = row.measured, row.measured.latency
    size = show_size(row.size_bytes)
    if latency is None:
        return ("failed", _NONE, _NONE, _NONE, _NONE, size)
    low, high = _ms(latency.p50_ci.low), _ms(latency.p50_ci.high)
    return (
        f"{_ms(latency.p50_s)} [{low}, {high}]",
        _ms(latency.p95_s),
        _ms(latency.engine_p50_s if latency.first_token_s is None else latency.first_token_s),
        f"{measured.throughput_per_s:,.0f}" if measured.throughput_per_s else _NONE,
        show_size(measured.memory_bytes) if measured.memory_bytes else _NONE,
        size,
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f}"


def _conditions(found: Sequence[BenchRow], *, threads: int, batch_size: int) -> str:
    here = machine()
    n = max((row.measured.latency.n for row in found if row.measured.latency), default=0)
    where = f"{here.cpu}, {here.cores} cores, {here.isa}; {threads} threads"
    if found[0].kind == "generate":
        return (
            f"{where}, n = {n} answers each of at most {TOKENS} tokens, prompt in to the last token out; "
            "tokens/s: after the first; memory: the peak."
        )
    one = {"image": "picture", "audio": "sound", "fused": "row"}.get(found[0].kind, "text")
    return (
        f"{where}, batch {batch_size}, n = {n} batches each, {one} in to answer out; "
        f"engine: the p50 in the engine alone; {one}s/s at batch 32; memory: the peak; {_energy(found)}."
    )


def _energy(found: Sequence[BenchRow]) -> str:
    """Return what a batch takes of the processor's energy, or that nobody can tell here."""
    told = [f"{row.measured.energy_j:.3g} J ({row.bundle})" for row in found if row.measured.energy_j is not None]
    return (
        f"energy of a batch: {', '.join(told)}"
        if told
        else "energy: this machine has no counter that may be read (RAPL)"
    )


def comparisons(found: Sequence[BenchRow]) -> list[str]:
    """Return how each bundle compares with the first; where intervals overlap, no difference is claimed."""
    timed = [(row.bundle, row.measured.latency) for row in found if row.measured.latency is not None]
    return [_comparison(timed[0], other) for other in timed[1:]]


def _comparison(first: tuple[str, Latency], other: tuple[str, Latency]) -> str:
    faster, slower = speed_up(first[1], other[1]), speed_up(other[1], first[1])
    if faster:
        return f"{other[0]} is {faster:.2f}x faster at p50 than {first[0]}."
    if slower:
        return f"{other[0]} is {slower:.2f}x slower at p50 than {first[0]}."
    return f"{other[0]} and {first[0]} differ within the noise at p50: their intervals overlap."
