"""One teacher, every system made from it, measured in one run: the rows of a result file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import distilbert, peers
from penjing import Task, fit
from penjing.bundle.read import read_manifest
from penjing.bundle.worker import worker_command
from penjing.bundle.write import versions
from penjing.measure.calibration import calibration_error, softmax
from penjing.measure.intervals import quality
from penjing.measure.latency import Measured, measure_systems
from penjing.measure.machine import machine
from penjing.measure.process import Worker
from penjing.measure.size import folder_size
from penjing.measure.verdict import judge
from penjing.progress import Silent
from penjing.search.candidates import linear_candidate, teacher_candidates
from penjing.search.context import Context, open_run
from penjing.search.evaluate import answers
from penjing.search.judged import Judged
from penjing.search.models import train_teacher
from penjing.shrink.structure import put_pieces_back
from penjing.tasks.classify import decisions
from penjing.train.cached_folder import default_cache
from penjing.train.checkpoint import load_pretrained

THREADS = 2
PEERS = ("onnxruntime-fp32", "onnxruntime-int8", "openvino", "nncf-int8")
_PEER_VERSIONS = ("openvino", "nncf", "transformers")


@dataclass(frozen=True)
class System:
    """One row: how to start it, what it takes on disk, and its part in the comparison."""

    name: str
    role: str
    folder: Path
    command: list[str]
    temperature: float = 1.0
    failed: str | None = None
    """Why there is no such system, where making it failed."""


def compare(task: Task, *, work: Path, wanted: Sequence[str]) -> list[dict[str, Any]]:
    """Fit, make the `wanted` peers from the same teacher, and return a row for each system."""
    from rich.console import Console

    from penjing.cli.progress import StageBars

    with StageBars(Console(stderr=True)) as bars:
        chosen = fit(task, output=work / "run", reporter=bars)
    context = open_run(task, output=work / "run", cache=default_cache(), reporter=Silent())
    return _rows(context, _systems(context, chosen.bundle, work / "peers", wanted=wanted))


def result_of(command: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a result file's content: the rows, with where and with what they were measured."""
    return {
        "command": command,
        "commit": _commit(),
        "machine": machine().model_dump(),
        "versions": versions() | _peer_versions(),
        "rows": list(rows),
    }


def comparable(result: dict[str, Any]) -> bool:
    """Return whether a result is of this machine and of the versions that are installed."""
    present = result_of("", [])
    return all(result[name] == present[name] for name in ("machine", "versions"))


def _systems(context: Context, choice: Path, folder: Path, *, wanted: Sequence[str]) -> list[System]:
    teacher = train_teacher(context)
    candidate = teacher_candidates(context, teacher)[0]
    bundle, temperature = candidate.folder, answers(context, candidate, split="dev").temperature
    original = load_pretrained(context.model.folder, labels=len(context.splits.labels), seed=context.seed)
    kept = context.vocabulary.kept.tolist()
    encoder = put_pieces_back(teacher.load(), kept, original=original)

    def distilbert_style(bundle: Path, folder: Path, *, threads: int) -> list[str]:
        epochs = float(teacher.recipe[0].values["epochs"])
        small = distilbert.distilled(
            context, teacher.load(), folder.with_name(f"distilbert-{teacher.key}"), epochs=epochs
        )
        file = distilbert.exported(put_pieces_back(small, kept, original=original), folder.with_suffix(".float32.onnx"))
        return peers.onnxruntime_int8(bundle, folder, threads=threads, model=file)

    makers: Mapping[str, Callable[..., list[str]]] = {
        "onnxruntime-fp32": peers.onnxruntime_float32,
        "onnxruntime-int8": peers.onnxruntime_int8,
        "openvino": peers.openvino,
        "nncf-int8": partial(peers.nncf_int8, texts=context.texts("train")),
        "distilbert-style-int8": distilbert_style,
    }
    folder.mkdir(parents=True, exist_ok=True)
    pytorch = folder / "pytorch"
    command = peers.pytorch(encoder, bundle, pytorch, threads=THREADS)
    systems = [System("pytorch", "teacher", pytorch, command, temperature)]
    systems += [_made(name, makers[name], bundle, folder / name) for name in wanted]
    for name, role, found in (("linear", "peer", linear_candidate(context).folder), ("penjing", "choice", choice)):
        temperature = read_manifest(found).outputs.temperature
        systems.append(System(name, role, found, worker_command(found, threads=THREADS), temperature))
    return systems


def _made(name: str, make: Callable[..., list[str]], bundle: Path, folder: Path) -> System:
    """Return the peer; one that cannot be made is a row that says how it failed."""
    print(f"making {name}", file=sys.stderr)
    try:
        return System(name, "peer", folder, make(bundle, folder, threads=THREADS))
    except Exception as error:  # whatever a peer's tool raises
        return System(name, "peer", folder, [], failed=f"{type(error).__name__}: {error}")


def _rows(context: Context, systems: Sequence[System]) -> list[dict[str, Any]]:
    texts = context.texts("test")
    print("latency, throughput and memory, in turns", file=sys.stderr)
    commands = {system.name: system.command for system in systems if system.failed is None}
    measured = measure_systems(commands, texts, threads=THREADS)
    teacher: NDArray[Any] | None = None
    rows = []
    for system in systems:
        cost = measured.get(system.name) or Measured(None, None, None, system.failed)
        row = {
            "system": system.name,
            "role": system.role,
            "dataset": context.task.name,
            "task": "classify",
            "metric": context.task.bar.metric,
            "seed": context.seed,
            "failed": cost.failed,
        }
        if cost.failed is None:
            print(f"answers of {system.name}", file=sys.stderr)
            logits = _logits(system, texts)
            found = decisions(logits, multi_label=context.splits.multi_label)
            teacher = found if teacher is None else teacher
            row |= qualities(context, system, logits, found, teacher) | costs(system, cost)
        rows.append(row)
    return rows


def qualities(
    context: Judged, system: System, logits: NDArray[np.float32], found: NDArray[Any], teacher: NDArray[Any]
) -> dict[str, Any]:
    """Return the columns of a row that say how good the answers to the test split are."""
    truth, bar = context.truth["test"], context.task.bar
    scored = quality(bar.metric, truth, found, split="test", seed=context.seed)
    verdict = judge(bar, truth, found, teacher, split="test", seed=context.seed)
    drop, span = (None, None) if system.role == "teacher" else (verdict.drop, verdict.drop_ci)
    confidence = softmax(logits / system.temperature).max(axis=1)
    return {
        "value": scored.value,
        "ci": [scored.ci.low, scored.ci.high],
        "n": scored.n,
        "delta": None if drop is None else -drop,
        "delta_ci": None if span is None else [-span.high, -span.low],
        "verdict": None if system.role == "teacher" else {"word": verdict.word, "probability": verdict.probability},
        "ece": calibration_error(confidence, found == truth),
    }


def costs(system: System, cost: Measured) -> dict[str, Any]:
    """Return the columns of a row that say what answering takes."""
    assert cost.latency is not None
    return {
        "size_bytes": folder_size(system.folder),
        "p50_ms": cost.latency.p50_s * 1e3,
        "p95_ms": cost.latency.p95_s * 1e3,
        "p50_engine_ms": cost.latency.engine_p50_s * 1e3,
        "p50_ci_ms": [cost.latency.p50_ci.low * 1e3, cost.latency.p50_ci.high * 1e3],
        "throughput_per_s": cost.throughput_per_s,
        "peak_memory_bytes": cost.memory_bytes,
    }


def _logits(system: System, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the logits of every text, asked one by one, so that no answer depends on a batch."""
    with Worker(system.command, threads=THREADS) as worker:
        return np.array([worker.ask(op="logits", texts=[text])["logits"][0] for text in texts], np.float32)


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _peer_versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in _PEER_VERSIONS}
