"""A classifier: the fine-tuned teacher, its peers' ways of making it smaller, and penjing's choice, side by side.

    make bench-classify                      # SST-2 from $PENJING_BENCH_DATA
    make bench-classify DATASET=PATH.csv     # any file with the columns text and label

The teacher is trained once and every system starts from it. Finished work in --work is used again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.compare import PEERS, compare, result_of
from benchmarks.datasets import ENGLISH, sst2
from benchmarks.table import write_result
from penjing import PenjingError, Task, make_task


def main() -> int:
    """Run the comparison and write its result file and table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, help="a labelled file instead of SST-2")
    parser.add_argument("--work", type=Path, default=Path(".bench"), help="where runs and peers' files are kept")
    given = parser.parse_args()
    try:
        task = _file_task(given.dataset) if given.dataset else sst2(given.work / "data" / "sst2")
        rows = compare(task, work=given.work / task.name, wanted=PEERS)
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    more = f" DATASET={given.dataset}" if given.dataset else ""
    write_result(f"classify-{task.name}", result_of(f"make bench-classify{more}", rows))
    return 0


def _file_task(path: Path) -> Task:
    return make_task(name=path.stem, model=ENGLISH, data={"source": str(path)})


if __name__ == "__main__":
    sys.exit(main())
