"""Does training all sizes together help? The control: three students apart, with the same compute in all.

    make bench-control          # SST-2 from $PENJING_BENCH_DATA; the elastic run is re-used

The elastic model trains twelve sizes with three times the teacher's multiplications. Three of these sizes are also
distilled each by itself, one after another as `students = "separate"` does, with the same multiplications in all. Both
are scored on dev before any polish.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.compare import result_of
from benchmarks.datasets import DATASETS
from benchmarks.table import write_result_file
from penjing import Task, fit
from penjing.cli.progress import StageBars
from penjing.search.elastic import SIZES_NAME, TOGETHER, Point
from penjing.search.fit import FitResult

THREE = {"students": "separate", "layers": (5, 4, 3), "heads": (2 / 3,), "ffn": (0.25,)}
TEACHER_COMPUTE = 6 * 12 * 384 * 384.0  # multiplications a token in its linear layers
TEACHER_EPOCHS = 3.0


def main() -> int:
    """Train both and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".bench"))
    work = parser.parse_args().work
    together, folder = DATASETS["sst2"](work / "data" / "sst2"), work / "sst2" / "run"
    _fitted(together, folder)
    points = [Point.model_validate(row) for row in json.loads((folder / SIZES_NAME).read_text("utf-8"))]
    three = [point for point in points if (point.heads, point.ffn) == (8, 384)]
    passes = TOGETHER * TEACHER_EPOCHS * TEACHER_COMPUTE / sum(point.compute for point in three)
    recipe = together.recipe.model_copy(update={**THREE, "student_epochs": passes})
    apart = _fitted(together.model_copy(update={"recipe": recipe}), folder)  # the same teacher, from its stage
    rows = [_row(point, apart) for point in three]
    write_result_file("control", result_of("make bench-control", rows))
    for row in rows:
        print(f"{row['system']:32} together {row['together']:.4f}, alone {row['alone']:.4f} ({row['alone_s']:.0f} s)")
    return 0


def _fitted(task: Task, output: Path) -> FitResult:
    with StageBars(Console(stderr=True)) as bars:
        return fit(task, output=output, reporter=bars)


def _row(point: Point, apart: FitResult) -> dict[str, Any]:
    alone = next(trial for trial in apart.trials if trial.name == point.name)
    assert alone.quality is not None
    return {
        "system": point.name,
        "dataset": "sst2",
        "together": point.score,
        "alone": alone.quality.value,
        "alone_ci": [alone.quality.ci.low, alone.quality.ci.high],
        "n": alone.quality.n,
        "alone_s": alone.train_s,
    }


if __name__ == "__main__":
    sys.exit(main())
