"""Shows what was made of training texts, and what a model's labels are worth."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from penjing.augment.agreement import Agreement
from penjing.augment.gain import Gain
from penjing.augment.journal import Labelled
from penjing.augment.made import Augmented

_SHOWN = 3


def show_augmented(found: Augmented, gains: Sequence[Gain], path: Path, task: Path, *, as_json: bool) -> None:
    """Print how many texts were made, some of them, and the gains."""
    if as_json:
        typer.echo(
            json.dumps({
                "made": len(found.made), "repeats": found.repeats, "doubtful": found.doubtful, "file": str(path),
                "gains": _as_plain(gains),
            })
        )  # fmt: skip
        return
    typer.echo(
        f"\n{len(found.made):,} texts made; left out: {found.repeats:,} that were there already, "
        f"{found.doubtful:,} whose label is doubtful"
    )
    if found.stopped:
        typer.echo(f"stopped {found.stopped}")
    for one in found.made[:: max(1, len(found.made) // _SHOWN)][:_SHOWN]:
        typer.echo(f"  {one.label}: {one.text[:100]}")
    _show_gains(gains)
    _next(path, task)


def _as_plain(gains: Sequence[Gain]) -> list[dict[str, Any]]:
    return [{**one.model_dump(), "says": one.says} for one in gains]


def _show_gains(gains: Sequence[Gain]) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("judged by", "without", "with", "gain", "95 %", "examples"):
        table.add_column(title, justify="left" if title == "judged by" else "right")
    for gain in gains:
        low, high = 100 * gain.gain_ci.low, 100 * gain.gain_ci.high
        table.add_row(gain.name, f"{gain.without:.4f}", f"{gain.made:.4f}", f"{100 * gain.gain:+.1f} points",
                      f"{low:+.1f} to {high:+.1f}", f"{gain.examples:,}")  # fmt: skip
    typer.echo()
    Console().print(table)
    typer.echo(f"\naccuracy on {gains[0].n:,} dev texts; it " + "; ".join(f"{one.says} ({one.name})" for one in gains))


def show_labelled(
    found: Sequence[Labelled],
    judged: Agreement | None,
    gains: Sequence[Gain],
    cost: str,
    path: Path,
    task: Path,
    *,
    as_json: bool,
) -> None:
    """Print how many texts have labels now, how far the labels can be trusted, and what they cost."""
    labelled = [one for one in found if one.label is not None]
    if as_json:
        typer.echo(
            json.dumps({
                "labelled": len(labelled), "unanswered": len(found) - len(labelled), "file": str(path), "cost": cost,
                "agreement": None if judged is None else judged.model_dump(), "gains": _as_plain(gains),
            })
        )  # fmt: skip
        return
    failed = [one.failed for one in found if one.failed]
    typer.echo(f"\n{len(labelled):,} of {len(found):,} texts have a label now")
    if failed:
        typer.echo(f"{len(failed):,} failed, and are asked again with the same command: {failed[0]}")
    if judged is not None:
        typer.echo(
            f"agreement with the labels of {judged.n:,} dev texts: {judged.accuracy:.3f} "
            f"[{judged.ci.low:.3f}, {judged.ci.high:.3f}], kappa {judged.kappa:.2f}, {judged.unanswered:,} without one"
        )
    typer.echo(cost)
    _show_gains(gains)
    _next(path, task)


def _next(path: Path, task: Path) -> None:
    named = os.path.relpath(path, task.parent)
    typer.echo(f'written   {path}: put data.more = "{named}" into the task file, and fit')
