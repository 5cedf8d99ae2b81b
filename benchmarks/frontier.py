"""Several data sets, several seeds: penjing's choice beside its peers, same teacher, same data, same machine.

    make bench-frontier                                # all of it: hours
    make bench-frontier ONLY="sst2 banking77-10"       # some data sets

Each data set and seed is kept in --work when it is measured; a run that was stopped goes on with the next. Each data
set has a result file and a table of its own, of one machine: measuring one elsewhere leaves the others as they are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.compare import PEERS, comparable, compare, result_of
from benchmarks.datasets import DATASETS
from benchmarks.table import write_result
from penjing import PenjingError

COMMAND = "make bench-frontier"
SEEDS = (13, 14, 15)
DISTILBERT = "distilbert-style-int8"


def main() -> int:
    """Measure what is not measured yet and write the result file and tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=DATASETS, default=list(DATASETS), help="data sets to measure")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--work", type=Path, default=Path(".bench"), help="where runs and rows are kept")
    given = parser.parse_args()
    try:
        for dataset in given.only:
            for seed in given.seeds:
                _measure(dataset, seed, given.work)
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    for dataset in given.only:
        kept = list(_kept(given.work, dataset))
        result = result_of(COMMAND, [row for found in kept for row in found["rows"]])
        commits = sorted({found["commit"] for found in kept})
        write_result(f"frontier-{dataset}", {**result, "commit": ", ".join(commits)})
    return 0


def _measure(dataset: str, seed: int, work: Path) -> None:
    kept = _rows_file(work, dataset, seed)
    if kept.is_file() and comparable(json.loads(kept.read_text(encoding="utf-8"))):
        return
    print(f"{dataset}, seed {seed}", file=sys.stderr)
    task = DATASETS[dataset](work / "data" / dataset, seed=seed)
    peers = (*(PEERS if seed == SEEDS[0] or dataset != "waimai10k" else ()), DISTILBERT)
    folder = work / dataset if seed == SEEDS[0] else work / f"{dataset}-{seed}"
    rows = compare(task, work=folder, wanted=peers)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(result_of(COMMAND, rows), indent=1), encoding="utf-8")


def _rows_file(work: Path, dataset: str, seed: int) -> Path:
    return work / "frontier" / f"{dataset}-{seed}.json"


def _kept(work: Path, dataset: str) -> Iterator[dict[str, Any]]:
    """Yield the results of a data set that are of this machine and these versions, in the order of their seeds."""
    for file in sorted((work / "frontier").glob(f"{dataset}-[0-9]*.json")):
        found = json.loads(file.read_text(encoding="utf-8"))
        if comparable(found) and found["rows"][0]["dataset"] == dataset:
            yield found


if __name__ == "__main__":
    sys.exit(main())
