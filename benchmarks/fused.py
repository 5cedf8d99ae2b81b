"""Digits that are seen and heard, both badly: several inputs together beside each alone, and with one missing.

    make bench-fused                         # a quarter of an hour on two cores

A row is a spoken digit (free spoken digits, 8 kHz) and a handwritten one of the same value (scikit-learn's, 8 x 8).
Sounds get noise as loud as they are, pictures noise and a part that is covered. No speaker and no picture is in two
splits.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import importlib.metadata
import sys
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from benchmarks.compare import THREADS, result_of
from benchmarks.datasets import data_file
from benchmarks.table import ROOT, footer, write_block, write_result_file
from penjing import PenjingError, fit, make_task
from penjing.bundle.read import load, read_manifest
from penjing.cli.progress import StageBars
from penjing.measure.intervals import quality
from penjing.progress import Silent
from penjing.search.fused.context import FusedContext, open_fused_run
from penjing.search.fused.models import only, train_alone, train_fused_teacher
from penjing.sounds.read import flac, read_sound
from penjing.train.fused_rows import fused_logits
from penjing.units import show_size

COMMAND, NAME = "make bench-fused", "fused"
SPEAKERS = {"test": ("george", "theo"), "dev": ("jackson",), "train": ("lucas", "nicolas", "yweweler")}
_POOLS = {"train": (0.0, 0.6), "dev": (0.6, 0.75), "test": (0.75, 1.0)}
_NOISE, _COVERED, _SOUND_NOISE = (
    5.0,
    3,
    1.0,
)  # deviations of 16 greys; columns of 8; the noise's power beside the sound's
_DRAWS = 2_000


def main() -> int:
    """Make the rows, fit, measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT.parent / ".bench")
    asked = parser.parse_args()
    try:
        work = asked.work / "fused"
        files = _made(work / "rows")
        task = make_task(
            name="digits-seen-and-heard", kind="fused", model="new", objective="latency",
            data={**files, "inputs": {"seen": "image", "heard": "audio"}}, bar={"drop_at_most": 0.01},
            budget={"threads": THREADS}, recipe={"epochs": 30, "student_epochs": 30},
        )  # fmt: skip
        with StageBars(Console(stderr=True)) as bars:
            done = fit(task, output=work / "run", reporter=bars)
        context = open_fused_run(task, output=work / "run", reporter=Silent())
        rows = _rows(context, done.bundle)
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    result = result_of(COMMAND, rows)
    write_result_file(NAME, result)
    write_block(NAME, _render(result))
    return 0


def _made(folder: Path) -> dict[str, str]:
    """Return the tables of the splits; made once."""
    files = {part: folder / f"{part}.csv" for part in SPEAKERS}
    if not all(path.is_file() for path in files.values()):
        folder.mkdir(parents=True, exist_ok=True)
        dice, digits = np.random.default_rng(13), _digits()
        with zipfile.ZipFile(data_file("fsdd/fsdd.zip")) as archive:
            names = sorted(name for name in archive.namelist() if name.endswith(".wav"))
            for part, path in files.items():
                own = [name for name in names if Path(name).stem.split("_")[1] in SPEAKERS[part]]
                _write(path, [(name, archive.read(name)) for name in own], _pool(digits, part), dice)
    return {part: str(path) for part, path in files.items()}


def _digits() -> dict[str, list[NDArray[np.float64]]]:
    path = importlib.metadata.distribution("scikit-learn").locate_file("sklearn/datasets/data/digits.csv.gz")
    found: dict[str, list[NDArray[np.float64]]] = {}
    for line in gzip.decompress(Path(str(path)).read_bytes()).decode("ascii").split():
        *values, label = (int(float(value)) for value in line.split(","))
        found.setdefault(str(label), []).append(np.array(values, np.float64).reshape(8, 8))
    return found


def _pool(digits: Mapping[str, list[NDArray[np.float64]]], part: str) -> dict[str, list[NDArray[np.float64]]]:
    begin, end = _POOLS[part]
    return {label: found[round(begin * len(found)) : round(end * len(found))] for label, found in digits.items()}


def _write(
    path: Path, sounds: Sequence[tuple[str, bytes]], pictures: Mapping[str, list[NDArray[np.float64]]], dice: Any
) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["seen", "heard", "label"])
        for name, content in sounds:
            stem, label = Path(name).stem, Path(name).stem.split("_")[0]
            pool = pictures[label]
            (path.parent / f"{stem}.png").write_bytes(_spoiled_picture(pool[dice.integers(len(pool))], dice))
            (path.parent / f"{stem}.flac").write_bytes(_spoiled_sound(content, dice))
            table.writerow([f"{stem}.png", f"{stem}.flac", label])


def _spoiled_picture(values: NDArray[np.float64], dice: Any) -> bytes:
    found = values + dice.normal(0, _NOISE, values.shape)
    begin = dice.integers(0, 8 - _COVERED + 1)
    found[:, begin : begin + _COVERED] = 0
    file = BytesIO()
    Image.fromarray(np.clip(found * 16, 0, 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def _spoiled_sound(content: bytes, dice: Any) -> bytes:
    samples = read_sound(content)
    power = float(np.mean(np.square(samples)))
    found = samples + dice.normal(0, np.sqrt(_SOUND_NOISE * power), len(samples))
    return flac(np.clip(found / max(1.0, float(np.abs(found).max())), -1, 1).astype(np.float32))


def _rows(context: FusedContext, bundle: Path) -> list[dict[str, Any]]:
    truth, test = np.asarray(context.truth["test"]), context.examples("test")
    chosen, names = load(bundle, threads=THREADS), [one.name for one in context.reads]
    said = {"penjing": chosen.logits(test.rows).argmax(1)}
    for name in names:
        less = context.examples("test", without=name).rows
        said[f"penjing, {name} missing"] = chosen.logits(less).argmax(1)
    teacher = train_fused_teacher(context)
    said["teacher"] = fused_logits(teacher.load(), test, device=context.device).argmax(1)
    for name in names:
        model = train_alone(context, name).load()
        said[f"{name} alone"] = fused_logits(model, only(test, name), device=context.device).argmax(1)
    best = max((f"{name} alone" for name in names), key=lambda name: float((said[name] == truth).mean()))
    trial = next(one for one in read_manifest(bundle).trials if one.trial == read_manifest(bundle).trial)
    found = []
    for system, answered in said.items():
        measured = quality("accuracy", truth, answered, split="test", seed=13)
        gain = _gain(answered == truth, said[best] == truth)
        found.append(
            {
                "system": system, "role": "choice" if system == "penjing" else "ablation", "task": "fused",
                "dataset": "digits seen and heard", "metric": "accuracy", "seed": 13, "value": measured.value,
                "ci": [measured.ci.low, measured.ci.high], "n": measured.n, "beside": best, "delta": gain[0],
                "delta_ci": gain[1:], "size_bytes": trial.size_bytes if system == "penjing" else None,
                "p50_ms": 1e3 * trial.p50_s if system == "penjing" and trial.p50_s else None, "failed": None,
            }
        )  # fmt: skip
    return found


def _gain(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> list[float]:
    """Return by how much `ours` is right more often, with a paired 95 % interval by bootstrap."""
    difference = ours.astype(float) - theirs
    rows = np.random.default_rng(13).integers(0, len(difference), (_DRAWS, len(difference)))
    low, high = np.quantile(difference[rows].mean(1), [0.025, 0.975])
    return [float(difference.mean()), float(low), float(high)]


def _render(result: dict[str, Any]) -> str:
    rows = result["rows"]
    lines = [f"| system | accuracy (95 % interval) | beside {rows[0]['beside']} |", "|---|---|---|"]
    for row in rows:
        lines.append(
            f"| {row['system']} | {row['value']:.4f} [{row['ci'][0]:.4f}, {row['ci'][1]:.4f}] "
            f"| {row['delta']:+.4f} [{row['delta_ci'][0]:+.4f}, {row['delta_ci'][1]:+.4f}] |"
        )
    chosen = rows[0]
    cost = f"{show_size(chosen['size_bytes'])}, p50 {chosen['p50_ms']:.2f} ms." if chosen["p50_ms"] else ""
    return "\n".join([*lines, "", f"n = {chosen['n']:,}. penjing: {cost} {footer(result)}"])


if __name__ == "__main__":
    sys.exit(main())
