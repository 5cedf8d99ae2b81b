"""Shows what `penjing calibrate` found."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from penjing.measure.compute import Compute
from penjing.search.calibrate import Calibration
from penjing.units import show_size


@contextmanager
def timing_bar() -> Iterator[Callable[[float, float], None]]:
    """Give what tells how much of the timing is done, on stderr where that is a terminal."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("timing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show_calibration(found: Calibration, compute: Compute, kept: Path, *, as_json: bool) -> None:
    """Print the models, what the others say of each, and the two terms."""
    if as_json:
        plain = {**found.model_dump(mode="json"), "compute": compute.model_dump(mode="json")}
        typer.echo(json.dumps(plain, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("model", "layers", "read a token", "tokens/s", "by the others", "error"):
        table.add_column(title, justify="left" if title == "model" else "right")
    for one in found.models:
        said = (f"{1 / one.others_s:,.1f}", f"{one.error:+.0%}") if math.isfinite(one.error) else ("-", "-")
        table.add_row(one.name, f"{one.layers}", show_size(one.read_bytes), f"{1 / one.token_s:,.1f}", *said)
    Console().print(table)
    terms = found.terms
    typer.echo(
        f"\na token = bytes / {terms.bytes_per_s / 1e9:.1f} GB/s + layers x {1e6 * terms.layer_s:.0f} µs, "
        f"{found.threads} threads; {_off(terms.error)}"
    )
    speeds = {"float32": compute.float32, "bfloat16": compute.bfloat16, "int8": compute.int8}
    products = ", ".join(f"{name} {value / 1e9:,.0f}" for name, value in speeds.items() if value is not None)
    typer.echo(
        f"products of matrices, billion operations a second: {products}; memory {compute.bandwidth / 1e9:.1f} GB/s"
    )
    typer.echo(f"kept for `penjing plan`: {kept}")


def _off(error: float | None) -> str:
    if error is None:
        return "how far other models are off is not known: name a second one"
    return f"models that the fit had not seen were off by up to {error:.0%}"
