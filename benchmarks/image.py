"""Pictures: the Vision Transformer with and without DeiT's token, its convnet, and what `fit` makes of it.

    make bench-image                        # Fashion-MNIST, a part of CIFAR-10, flowers: an hour on two cores
    make bench-image ONLY=fashion-mnist

Every system sees the same test pictures. `pytorch` is the unshrunk model in PyTorch's float32, `onnxruntime-fp32` and
`onnxruntime-int8` are the same one exported; `pytorch, no convnet` is trained alike, without the second token. The
time of an answer is from the file of a picture to its label.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from torch import nn

from benchmarks.compare import THREADS, System, costs, qualities, result_of
from benchmarks.datasets import data_file
from benchmarks.picture_system import picture_command
from benchmarks.table import ROOT, write_result
from penjing import PenjingError, Task, fit, make_task
from penjing.bundle.worker import worker_command
from penjing.cli.progress import StageBars
from penjing.measure.latency import Measured, measure_systems
from penjing.progress import Silent
from penjing.search.candidates import Candidate
from penjing.search.evaluate import answers
from penjing.search.image.pictures import Sight
from penjing.search.image.teacher import train_convnet, train_teacher
from penjing.search.pixels.candidates import baseline, convnet_candidate, transformer_candidates
from penjing.search.pixels.context import PixelContext, open_run
from penjing.search.pixels.students import train_students
from penjing.search.pixels.trained import Trained
from penjing.tasks.classify import decisions
from penjing.train.cached_folder import default_cache
from penjing.train.convnet import load_convnet
from penjing.train.device import Device
from penjing.train.vision_lessons import picture_logits

COMMAND = "make bench-image"
FASHION = ROOT.parent / "examples" / "fashion"
_EXACT = Device("cpu", bfloat16=False)
Logits = NDArray[np.float32]


@dataclass(frozen=True)
class _Measured:
    """A system, and what it answers on test."""

    system: System
    logits: Logits


def fashion(work: Path) -> dict[str, Any]:
    """Return the task on 70,000 pictures of clothes."""
    data = FASHION / "data"
    return {
        "data": {"train": str(data / "train.parquet"), "test": str(data / "test.parquet")},
        "recipe": {"epochs": 15, "student_epochs": 8},
    }


def cifar(work: Path) -> dict[str, Any]:
    """Return the task on 12,000 small photographs."""
    folder = _unpacked("cifar10_subset/cifar10_12k.zip", work / "cifar10_subset")
    return {
        "data": {"train": str(folder / "train"), "test": str(folder / "test")},
        "recipe": {"epochs": 25, "student_epochs": 12, "augment": "flip"},
    }


def flowers(work: Path) -> dict[str, Any]:
    """Return the task on 4,000 photographs of flowers."""
    folder = _unpacked("flower_photos_subset/flowers_192.zip", work / "flower_photos_subset")
    return {
        "data": {"train": str(folder / "train"), "test": str(folder / "val")},
        "recipe": {"epochs": 40, "student_epochs": 20, "augment": "flip"},
    }


def _unpacked(archive: str, folder: Path) -> Path:
    """Return `folder` with what is in the archive of the benchmarks' data."""
    if not folder.is_dir():
        with zipfile.ZipFile(data_file(archive)) as file:
            file.extractall(folder)
    inside = [path for path in folder.iterdir() if path.is_dir()]
    return folder if (folder / "train").is_dir() else inside[0]


DATASETS: Mapping[str, Callable[[Path], dict[str, Any]]] = {
    "fashion-mnist": fashion,
    "cifar10_subset": cifar,
    "flower_photos_subset": flowers,
}


def main() -> int:
    """Measure each data set, each into a result file of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=DATASETS, default=list(DATASETS))
    parser.add_argument("--work", type=Path, default=ROOT.parent / ".bench")
    found = parser.parse_args()
    for name in found.only:
        try:
            work = found.work / "image"
            task = make_task(
                name=name, kind="image", model="new", objective="size", bar={"drop_at_most": 0.01},
                **DATASETS[name](work),
            )  # fmt: skip
            write_result(f"image-{name}", result_of(COMMAND, _rows(task, work / name)))
        except PenjingError as error:
            print(f"error: {error}", file=sys.stderr)
            return error.exit_code
    return 0


def _rows(task: Task, work: Path) -> list[dict[str, Any]]:
    with StageBars(Console(stderr=True)) as bars:
        fit(task, output=work / "run", reporter=bars)
        alone = task.model_copy(update={"recipe": task.recipe.model_copy(update={"convnet": "none"})})
        without = train_teacher(_open(alone, work, bars), None)
    context = _open(task, work, Silent())
    systems = _systems(context, without, chosen=_chosen(work / "run"))
    commands = {one.system.name: one.system.command for one in systems}
    print("latency, throughput and memory, in turns", file=sys.stderr)
    measured = measure_systems(commands, context.timed(), threads=THREADS)
    teacher = decisions(systems[0].logits, multi_label=False)
    return [_row(context, one, measured[one.system.name], teacher) for one in systems]


def _open(task: Task, work: Path, reporter: Any) -> PixelContext:
    return open_run(task, Sight(), output=work / "run", cache=default_cache(), reporter=reporter)


def _chosen(run: Path) -> str:
    from penjing.bundle.read import read_manifest

    return str(read_manifest(run / "bundle").trial)


def _systems(context: PixelContext, without: Trained, *, chosen: str) -> list[_Measured]:
    convnet = train_convnet(context)
    assert convnet is not None
    teacher = train_teacher(context, convnet)
    float32, int8 = transformer_candidates(context, teacher)
    found = [
        _pytorch(context, "pytorch", "teacher", teacher, teacher.load()),
        _pytorch(context, "pytorch, no convnet", "ablation", without, without.load()),
        _pytorch(context, "convnet, pytorch", "peer", convnet, load_convnet(convnet.folder), kind="convnet"),
        _bundle(context, "onnxruntime-fp32", "peer", float32),
        _bundle(context, "onnxruntime-int8", "peer", int8),
        _bundle(context, "linear", "peer", baseline(context)),
    ]
    more = [convnet_candidate(context, convnet)]
    for student in train_students(context, teacher):
        more += transformer_candidates(context, student)
    for one in more:
        choice = one.name == chosen
        found.append(_bundle(context, "penjing" if choice else one.name, "choice" if choice else "frontier", one))
    return found


def _pytorch(
    context: PixelContext, name: str, role: str, trained: Trained, model: nn.Module, *, kind: str = "vit"
) -> _Measured:
    logits = picture_logits(model, context.pictures("test"), device=_EXACT)
    command = picture_command(kind, trained.folder, context.framing, threads=THREADS)
    return _Measured(System(name, role, trained.folder, command), logits)


def _bundle(context: PixelContext, name: str, role: str, candidate: Candidate) -> _Measured:
    temperature = answers(context, candidate, split="dev").temperature
    command = worker_command(candidate.folder, threads=THREADS)
    system = System(name, role, candidate.folder, command, temperature)
    return _Measured(system, answers(context, candidate, split="test").logits)


def _row(context: PixelContext, one: _Measured, cost: Measured, teacher: NDArray[Any]) -> dict[str, Any]:
    found = decisions(one.logits, multi_label=False)
    row = {
        "system": one.system.name,
        "role": one.system.role,
        "dataset": context.task.name,
        "task": "image",
        "metric": context.task.bar.metric,
        "seed": context.seed,
        "failed": cost.failed,
    }
    if cost.failed is None:
        row |= qualities(context, one.system, one.logits, found, teacher) | costs(one.system, cost)
    return row


if __name__ == "__main__":
    sys.exit(main())
