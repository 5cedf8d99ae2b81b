"""The server under load for half an hour: whether its memory grows, and whether anything fails.

    make soak BUNDLE=runs/reviews/bundle TEXTS=reviews.csv

Requests arrive by chance at a steady rate (open loop), one text each; the resident memory of the server and its
children is read every ten seconds. The slope is that of a line through the second half, with its 95 % interval.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import linregress

from benchmarks.compare import result_of
from benchmarks.served import serving
from benchmarks.table import footer, write_block, write_result_file
from penjing.data.readers import iter_texts
from penjing.measure.http_client import HttpClient
from penjing.measure.load import Asked, measure_load

PORT, EVERY_S, TEXTS = 8141, 10.0, 1000
_T_95 = 1.97


def main() -> int:
    """Run the server under load, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--column", default="text")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second")
    given = parser.parse_args()
    texts = list(islice(iter_texts(given.texts, column=given.column), TEXTS))
    with serving(given.bundle, "--threads", "1", port=PORT) as server:
        rows = asyncio.run(_soaked(server.pid, texts, rate=given.rate, minutes=given.minutes))
    ended = server.returncode
    rows[-1]["exit_code"] = ended
    result = result_of("make soak", rows)
    write_result_file("soak", result)
    write_block("soak", render(result))
    return 0 if ended == 0 and rows[-1]["failed_requests"] == 0 else 1


async def _soaked(pid: int, texts: list[str], *, rate: float, minutes: float) -> list[dict[str, Any]]:
    client = HttpClient(f"http://127.0.0.1:{PORT}")
    asked = [Asked("/v1/classify", json.dumps({"input": [text]}).encode()) for text in texts]
    latencies: list[float] = []
    errors: Counter[str] = Counter()
    samples: list[tuple[float, int]] = []
    began = time.monotonic()
    while time.monotonic() - began < 60 * minutes:
        load = await measure_load(client, asked, rate=rate, seconds=EVERY_S, timeout_s=20.0)
        latencies += load.latencies_s
        errors += load.errors
        samples.append((time.monotonic() - began, _resident(pid)))
        print(f"{samples[-1][0]:6.0f} s  {samples[-1][1] / 1e6:6.1f} MB  {len(latencies):,} answers  {dict(errors)}")
    await client.close()
    seconds, memory = np.array(samples[len(samples) // 2 :]).T
    line = linregress(seconds / 3600, memory / 1e6)
    return [{
        "system": "penjing", "rate": rate, "minutes": minutes, "n": len(latencies) + sum(errors.values()),
        "failed_requests": sum(errors.values()), "errors": dict(errors),
        "p50_ms": 1e3 * float(np.median(latencies)), "p99_ms": 1e3 * float(np.quantile(latencies, 0.99)),
        "first_mb": samples[0][1] / 1e6, "last_mb": samples[-1][1] / 1e6, "slope_mb_per_h": float(line.slope),
        "slope_ci": [float(line.slope - _T_95 * line.stderr), float(line.slope + _T_95 * line.stderr)],
        "samples": [[round(at), resident] for at, resident in samples],
    }]  # fmt: skip


def _resident(pid: int) -> int:
    """Return the resident bytes of a process and of its children."""
    total, waiting = 0, [pid]
    while waiting:
        process = waiting.pop()
        try:
            status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
            total += 1024 * int(status.split("VmRSS:")[1].split()[0])
            for children in Path(f"/proc/{process}/task").glob("*/children"):
                waiting += [int(child) for child in children.read_text(encoding="utf-8").split()]
        except (OSError, IndexError):
            continue
    return total


def render(result: dict[str, Any]) -> str:
    """Return the figures as a list."""
    row = result["rows"][-1]
    low, high = row["slope_ci"]
    lines = [
        f"- {row['n']:,} requests in {row['minutes']:g} minutes, {row['rate']:g} a second: {row['failed_requests']} "
        f"failed; p50 {row['p50_ms']:.1f} ms, p99 {row['p99_ms']:.1f} ms",
        f"- resident memory {row['first_mb']:.1f} MB after the first ten seconds, {row['last_mb']:.1f} MB at the end; "
        f"slope of the second half {row['slope_mb_per_h']:+.2f} MB an hour [{low:+.2f}, {high:+.2f}]",
        f"- at SIGTERM it ended with {row['exit_code']}",
        "",
        footer(result),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
