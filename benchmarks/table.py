"""The tables of docs/benchmarks.md, written from result files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

_HEADER = (
    "| system | accuracy (95 % interval) | drop against the teacher | size | p50 | p95 | texts/s at batch 32 | memory |"
)


def write_table(document: Path, result: dict[str, Any], *, name: str) -> None:
    """Replace what stands between the markers of `name` in `document`; append them where they are missing."""
    start, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = document.read_text(encoding="utf-8") if document.exists() else "# Benchmarks\n"
    block = f"{start}\n{render(result)}\n{end}"
    if start in text:
        before, rest = text.split(start, 1)
        text = before + block + rest.split(end, 1)[1]
    else:
        text = f"{text.rstrip()}\n\n{block}\n"
    document.write_text(text, encoding="utf-8")


def render(result: dict[str, Any]) -> str:
    """Return the rows as a table, with the machine and the command."""
    machine = result["machine"]
    about = ", ".join(str(machine[key]) for key in ("cpu", "isa", "system") if machine.get(key))
    versions = ", ".join(f"{name} {version}" for name, version in sorted(result["versions"].items()))
    lines = [_HEADER, "|" + "---|" * (_HEADER.count("|") - 1), *(_row(row) for row in result["rows"])]
    lines += ["", *_ratios(result["rows"])]
    return "\n".join([*lines, "", f"Command: `{result['command']}`. Machine: {about}. Versions: {versions}."])


def _row(row: dict[str, Any]) -> str:
    if row["failed"]:
        return f"| {row['system']} | failed: {row['failed']} |" + " |" * (_HEADER.count("|") - 3)
    cells = [
        row["system"],
        f"{row['value']:.4f} [{row['ci'][0]:.4f}, {row['ci'][1]:.4f}]",
        ""
        if row["delta"] is None
        else f"{-row['delta']:+.4f} [{-row['delta_ci'][1]:+.4f}, {-row['delta_ci'][0]:+.4f}]",
        f"{row['size_bytes'] / 1e6:.1f} MB",
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
        f"- penjing against {name}: {row['size_bytes'] / choice['size_bytes']:.1f} x smaller, "
        f"{row['p50_ms'] / choice['p50_ms']:.1f} x faster at p50"
        for name, row in found.items()
        if name != "penjing"
    ]
