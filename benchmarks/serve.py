"""The server's batcher beside the engine that it feeds, in one process: what putting requests together costs.

    make bench-serve BUNDLE=runs/reviews/bundle TEXTS=reviews.csv

engine-bare: texts tokenized and answered in batches of one size, the best of six. penjing-batcher: the same texts, each
asked for by itself, 64 at once, through the queue. They take turns; a row has the median of all rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.compare import THREADS, result_of
from benchmarks.table import footer, write_block, write_result_file
from penjing import PenjingError
from penjing.bundle.read import Bundle, load
from penjing.data.readers import iter_texts
from penjing.serve.classifier import Classifier, open_classifier
from penjing.serve.metrics import Metrics
from penjing.serve.settings import Limits

ROUNDS, TEXTS, AT_ONCE = 15, 1000, 64
SIZES = (1, 2, 4, 8, 16, 32)


def main() -> int:
    """Measure, and write the result file and table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--column", default="text")
    given = parser.parse_args()
    try:
        result = measured(given.bundle, list(islice(iter_texts(given.texts, column=given.column), TEXTS)))
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    write_result_file("serve", result)
    write_block("serve", render(result))
    return 0


def measured(folder: Path, texts: list[str]) -> dict[str, Any]:
    """Return the rows: texts a second of each, with the range of the rounds."""
    bundle = load(folder, threads=THREADS)
    served = open_classifier("bench", folder, threads=THREADS, limits=Limits(), metrics=Metrics())
    bare: dict[int, list[float]] = {size: [] for size in SIZES}
    batched: list[float] = []
    order = np.random.default_rng(0)
    for turn in range(ROUNDS + 1):  # the first warms up
        for name in order.permutation(len(SIZES) + 1):
            rate = _batcher(served, texts) if name == len(SIZES) else _bare(bundle, texts, size=SIZES[name])
            if turn:
                (batched if name == len(SIZES) else bare[SIZES[name]]).append(rate)
    served.close()
    best = max(SIZES, key=lambda size: median(bare[size]))
    shares = [ours / theirs for ours, theirs in zip(batched, bare[best], strict=True)]
    common = {"dataset": bundle.manifest.name, "task": "classify", "metric": "texts/s", "n": ROUNDS, "failed": None}
    rows = [
        {**common, "system": f"engine-bare, batches of {best}", "role": "peer", **_rate(bare[best])},
        {**common, "system": "penjing-batcher", "role": "choice", **_rate(batched), "share": median(shares)},
    ]
    return result_of("make bench-serve", rows)


def _bare(bundle: Bundle, texts: list[str], *, size: int) -> float:
    began = time.perf_counter()
    for start in range(0, len(texts), size):
        bundle.answer(bundle.prepare(texts[start : start + size]))
    return len(texts) / (time.perf_counter() - began)


def _batcher(served: Classifier, texts: list[str]) -> float:
    async def client(remaining: Any) -> None:
        for text in remaining:
            await served.classify([text], truncate=True)

    async def clients() -> None:
        remaining = iter(texts)
        await asyncio.gather(*(client(remaining) for _ in range(AT_ONCE)))

    began = time.perf_counter()
    asyncio.run(clients())
    return len(texts) / (time.perf_counter() - began)


def _rate(rates: list[float]) -> dict[str, Any]:
    return {"value": median(rates), "range": [min(rates), max(rates)]}


def render(result: dict[str, Any]) -> str:
    """Return the rows as a table."""
    lines = ["| system | texts/s (range of the rounds) | of the engine bare |", "|---|---|---|"]
    for row in result["rows"]:
        share = "" if "share" not in row else f"{row['share']:.0%}"
        low, high = row["range"]
        lines.append(f"| {row['system']} | {row['value']:,.0f} ({low:,.0f} to {high:,.0f}) | {share} |")
    return "\n".join([*lines, "", f"n = {ROUNDS} rounds of {TEXTS:,} texts.", "", footer(result)])


if __name__ == "__main__":
    sys.exit(main())
