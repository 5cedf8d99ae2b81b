"""penjing bench --url: load on a server that runs, at several rates."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from itertools import islice
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from penjing.cli.texts import read_texts
from penjing.errors import EngineError, TaskError
from penjing.measure.http_client import HttpClient
from penjing.measure.load import Asked, Load, knee, limit_of, measure_load

_TEXTS = ("The staff was kind and the room was clean.", "太差了，再也不买了。", "Delivery took three weeks.")
_MOST_TEXTS, _WRITTEN = 1000, 32
_BAR = 24  # characters


def bench_load(
    url: str,
    *,
    source: str | None,
    column: str,
    rates: Sequence[float],
    seconds: float,
    model: str | None,
    key: str | None,
    as_json: bool,
) -> None:
    """Measure a server at each of `rates`, and show what it bears.

    Raises:
        EngineError: the server cannot be reached, or refuses.
        TaskError: it serves several models and none is named.
    """
    if not rates or min(rates) <= 0:
        raise TaskError("no rate to measure at", value=str(list(rates)), rule="requests a second, such as 10,50,100")
    texts = list(_TEXTS)
    if source is not None:
        texts = list(islice(read_texts(None, source, column=column, usage="penjing bench --url URL"), _MOST_TEXTS))
    loads = asyncio.run(_measured(url, texts, sorted(rates), seconds, model, key))
    limit_s = limit_of(loads[0])
    found = knee(loads, limit_s=limit_s)
    if as_json:
        bears = None if found is None else found.rate
        rows = [_plain(load) for load in loads]
        typer.echo(json.dumps({"loads": rows, "limit_s": limit_s, "bears": bears}))
        return
    _show(loads, limit_s, found)


async def _measured(
    url: str, texts: Sequence[str], rates: Sequence[float], seconds: float, model: str | None, key: str | None
) -> list[Load]:
    client = HttpClient(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    try:
        info = await client.get("/info")
        served = _served(info, model)
        asked = [_asked(served, text) for text in texts]
        timeout_s = float(info["limits"]["write_deadline_s" if served["task"] == "generate" else "deadline_s"])
        await client.ask("POST", asked[0].path, asked[0].body)  # warms up
        return [await measure_load(client, asked, rate=rate, seconds=seconds, timeout_s=timeout_s) for rate in rates]
    except (KeyError, OSError, ValueError, EOFError) as error:
        raise EngineError("this is no server of ours", value=url, rule=f"{type(error).__name__}: {error}") from None
    finally:
        await client.close()


def _served(info: dict[str, Any], model: str | None) -> dict[str, Any]:
    names = [found["id"] for found in info["models"]]
    if model is None and len(names) != 1:
        raise TaskError("which model?", value=", ".join(names), next_step="Add --model NAME")
    if model is not None and model not in names:
        raise TaskError("there is no such model on this server", value=model, rule=f"one of {', '.join(names)}")
    found: dict[str, Any] = info["models"][names.index(model) if model else 0]
    return found


def _asked(served: dict[str, Any], text: str) -> Asked:
    if served["task"] == "classify":
        return Asked("/v1/classify", json.dumps({"model": served["id"], "input": text, "truncate": True}).encode())
    body = {"model": served["id"], "prompt": text, "max_tokens": _WRITTEN, "temperature": 0}
    return Asked("/v1/completions", json.dumps(body).encode())


def _plain(load: Load) -> dict[str, Any]:
    return {
        "rate": load.rate,
        "sent": load.sent,
        "answered_per_s": load.answered_per_s,
        **{f"p{percent}_s": load.percentile_s(percent) for percent in (50, 95, 99)},
        "errors": dict(load.errors),
    }


def _show(loads: Sequence[Load], limit_s: float | None, found: Load | None) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("requests/s", "sent", "answered/s", "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("p99", no_wrap=True)
    table.add_column("errors")
    worst = max((load.percentile_s(99) or 0.0 for load in loads), default=0.0)
    for load in loads:
        cells = [_ms(load.percentile_s(percent)) for percent in (50, 95, 99)]
        bar = "█" * round(_BAR * (load.percentile_s(99) or 0.0) / worst) if worst else ""
        errors = ", ".join(f"{count} x {kind}" for kind, count in sorted(load.errors.items()))
        table.add_row(f"{load.rate:g}", f"{load.sent:,}", f"{load.answered_per_s:,.0f}", *cells, bar, errors)
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False, markup=False)
    console.print(table)
    rule = f" (99 % answered, p99 within {_ms(limit_s)} ms: three times the lowest rate's p50, and 5 ms)"
    asked = "" if limit_s is None else rule
    bears = "none of these rates" if found is None else f"{found.rate:g} requests a second"
    console.print(f"\nIt bears {bears}{asked}. Arrivals by chance, latency from when a request was due.", style="dim")


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e3:.1f}"
