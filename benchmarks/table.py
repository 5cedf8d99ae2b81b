"""The tables of docs/benchmarks.md, written from result files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from penjing.units import show_size

ROOT = Path(__file__).parent
_HEADER = (
    "| system | accuracy (95 % interval) | drop against the teacher | verdict | ECE | size | p50 | p95 "
    "| texts/s at batch 32 | memory |"
)


def write_result(name: str, result: dict[str, Any]) -> None:
    """Write the result file `name`, and its table into docs/benchmarks.md."""
    write_result_file(name, result)
    write_block(name, render(result))


def write_result_file(name: str, result: dict[str, Any]) -> None:
    """Write the result file `name`."""
    file = ROOT / "results" / f"{name}.json"
    file.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(file)


def write_block(name: str, block: str) -> None:
    """Replace what stands between the markers of `name` in docs/benchmarks.md; append them where they are missing."""
    document = ROOT.parent / "docs" / "benchmarks.md"
    start, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = document.read_text(encoding="utf-8") if document.exists() else "# Benchmarks\n"
    whole = f"{start}\n{block}\n{end}"
    if start in text:
        before, rest = text.split(start, 1)
        text = before + whole + rest.split(end, 1)[1]
    else:
        text = f"{text.rstrip()}\n\n{whole}\n"
    document.write_text(text, encoding="utf-8")
    print(document)


def render(result: dict[str, Any]) -> str:
    """Return the rows as a table for each data set and seed, with the machine and the command."""
    groups = [
        (of, list(rows))
        for of, rows in groupby(result["rows"], key=lambda row: f"{row['dataset']}, seed {row['seed']}")
    ]
    lines: list[str] = []
    for of, rows in groups:
        lines += [f"**{of}**", ""] if len(groups) > 1 else []
        lines += [_HEADER, "|" + "---|" * (_HEADER.count("|") - 1), *map(_row, rows), "", *_ratios(rows), ""]
    return "\n".join([*lines, footer(result)])


def footer(result: dict[str, Any]) -> str:
    """Return how, where and with what a result was measured."""
    machine = result["machine"]
    about = ", ".join(str(machine[key]) for key in ("cpu", "isa", "system") if machine.get(key))
    versions = ", ".join(f"{name} {version}" for name, version in sorted(result["versions"].items()))
    return f"Command: `{result['command']}`. Machine: {about}. Versions: {versions}."


def _row(row: dict[str, Any]) -> str:
    if row["failed"]:
        return f"| {row['system']} | failed: {row['failed']} |" + " |" * (_HEADER.count("|") - 3)
    cells = [
        row["system"],
        f"{row['value']:.4f} [{row['ci'][0]:.4f}, {row['ci'][1]:.4f}]",
        ""
        if row["delta"] is None
        else f"{-row['delta']:+.4f} [{-row['delta_ci'][1]:+.4f}, {-row['delta_ci'][0]:+.4f}]",
        "" if row["verdict"] is None else f"{row['verdict']['word']}, P {row['verdict']['probability']:.2f}",
        f"{row['ece']:.3f}",
        show_size(row["size_bytes"]) if row["size_bytes"] < 1e5 else f"{row['size_bytes'] / 1e6:.1f} MB",
        f"{row['p50_ms']:.2f} ms",
        f"{row['p95_ms']:.2f} ms",
        f"{row['throughput_per_s']:,.0f}",
        f"{row['peak_memory_bytes'] / 1e6:,.0f} MB",
    ]
    return "| " + " | ".join(cells) + " |"


def _ratios(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return what penjing gains over each peer, as ratios within this run."""
    found = {row["system"]: row for row in rows if not row["failed"]}
    choice = found.get("penjing")
    if choice is None:
        return []
    return [
        f"- penjing against {name}: {row['size_bytes'] / choice['size_bytes']:.2g} x smaller, "
        f"{row['p50_ms'] / choice['p50_ms']:.2g} x faster at p50"
        for name, row in found.items()
        if row["role"] not in {"choice", "frontier"}
    ]
