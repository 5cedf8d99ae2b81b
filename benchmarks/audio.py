"""Spoken digits of a speaker who was never heard: Whisper's features with a linear probe, its encoder, in four bits.

    make bench-audio                         # six runs of `fit`: half an hour on two cores

Each of the six speakers of the free spoken digits is held out once, another one is dev, the other four are for
training. `whisper-probe` is a logistic regression on Whisper's features of thirty seconds, frozen, its strength chosen
on dev. Times are of the first speaker's bundles, from a file to its label.
"""

from __future__ import annotations

import argparse
import csv
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from sklearn.linear_model import LogisticRegression

from benchmarks.compare import THREADS, result_of
from benchmarks.datasets import data_file
from benchmarks.sound_system import WhisperFeatures, probe_command
from benchmarks.table import ROOT, footer, write_block, write_result_file
from penjing import PenjingError, Task, fit, make_task
from penjing.bundle.read import load
from penjing.bundle.worker import worker_command
from penjing.cli.progress import StageBars
from penjing.measure.intervals import quality
from penjing.measure.latency import Measured, measure_systems
from penjing.measure.size import folder_size
from penjing.progress import Silent
from penjing.search.audio.sounds import Hearing
from penjing.search.audio.teacher import train_sound_teacher
from penjing.search.candidates import Candidate
from penjing.search.evaluate import answers
from penjing.search.pixels.candidates import baseline, transformer_candidates
from penjing.search.pixels.context import PixelContext, open_run
from penjing.tasks.classify import decisions
from penjing.train.cached_folder import default_cache
from penjing.units import show_size

COMMAND, NAME, WHISPER = "make bench-audio", "audio", "whisper-tiny.en"
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
SYSTEMS = ("whisper-probe", "pytorch, in ONNX", "plain int8", "linear", "penjing")
RECIPE = {"students": "none", "epochs": 3, "convnet": "none", "seconds": 1.6}
_STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
_DRAWS = 2_000


@dataclass(frozen=True)
class Fold:
    """One speaker held out: what each system says of its recordings, and what they are."""

    speaker: str
    truth: NDArray[np.int64]
    found: Mapping[str, NDArray[np.int64]]
    sizes: Mapping[str, int]
    costs: Mapping[str, Measured]


def main() -> int:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SPEAKERS, default=list(SPEAKERS))
    parser.add_argument("--work", type=Path, default=ROOT.parent / ".bench")
    asked = parser.parse_args()
    try:
        work = asked.work / "audio"
        recordings = _recordings(work)
        features = _features(recordings, work / f"{WHISPER}.npz")
        folds = [
            _fold(speaker, recordings, features, work, timed=not place) for place, speaker in enumerate(asked.only)
        ]
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    result = result_of(COMMAND, [row for fold in folds for row in _rows(fold)] + _together(folds))
    write_result_file(NAME, result)
    write_block(NAME, render(result))
    return 0


def _recordings(work: Path) -> list[tuple[Path, str, str]]:
    """Return file, digit and speaker of every recording."""
    folder = work / "recordings"
    if not folder.is_dir():
        with zipfile.ZipFile(data_file("fsdd/fsdd.zip")) as archive:
            archive.extractall(folder)
    found = sorted(folder.rglob("*.wav"))
    return [(path, path.stem.split("_")[0], path.stem.split("_")[1]) for path in found]


def _features(recordings: Sequence[tuple[Path, str, str]], cache: Path) -> NDArray[np.float32]:
    """Return Whisper's features of every recording."""
    if not cache.is_file():
        print(f"Whisper's features of {len(recordings):,} recordings", file=sys.stderr)
        np.savez(cache, features=WhisperFeatures(WHISPER, threads=THREADS).features([one[0] for one in recordings]))
    with np.load(cache, allow_pickle=False) as stored:
        return np.asarray(stored["features"])


def _fold(
    speaker: str, recordings: Sequence[tuple[Path, str, str]], features: NDArray[np.float32], work: Path, *, timed: bool
) -> Fold:
    dev = SPEAKERS[(SPEAKERS.index(speaker) + 1) % len(SPEAKERS)]
    part_of = {speaker: "test", dev: "dev"}
    parts = np.array([part_of.get(one[2], "train") for one in recordings])
    folder = work / speaker
    folder.mkdir(parents=True, exist_ok=True)
    task = _task(speaker, recordings, parts, folder)
    with StageBars(Console(stderr=True)) as bars:
        done = fit(task, output=folder / "run", reporter=bars)
    context = open_run(task, Hearing(), output=folder / "run", cache=default_cache(), reporter=Silent())
    teacher = transformer_candidates(context, train_sound_teacher(context))
    made = dict(zip(SYSTEMS[1:4], (*teacher[:2], baseline(context)), strict=True))
    labels = context.splits.labels
    head, said = _probe(recordings, features, parts, labels, folder / "probe.npz", context)
    found = {"whisper-probe": said}
    found |= {name: _answers(context, one) for name, one in made.items()}
    found["penjing"] = load(done.bundle, threads=THREADS).logits(context.inputs("test")).argmax(axis=1)
    folders = {name: one.folder for name, one in made.items()} | {"penjing": done.bundle}
    commands = {name: worker_command(path, threads=THREADS) for name, path in folders.items()}
    commands["whisper-probe"] = probe_command(WHISPER, head, threads=THREADS)
    costs = measure_systems(commands, context.timed(), threads=THREADS) if timed else {}
    sizes = {name: folder_size(path, without=("golden.jsonl",)) for name, path in folders.items()}
    return Fold(speaker, np.asarray(context.truth["test"]), found, sizes, costs)


def _task(speaker: str, recordings: Sequence[tuple[Path, str, str]], parts: NDArray[np.str_], folder: Path) -> Task:
    files = {}
    for part in ("train", "dev", "test"):
        files[part] = str(folder / f"{part}.csv")
        with Path(files[part]).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["audio", "label"])
            chosen = (one for one, own in zip(recordings, parts, strict=True) if own == part)
            table.writerows([str(path.resolve()), digit] for path, digit, _ in chosen)
    return make_task(
        name=f"digits-{speaker}", kind="audio", model=f"package:{WHISPER}", objective="latency", data=files,
        bar={"drop_at_most": 0.01}, budget={"size": "5 MB", "threads": THREADS}, recipe=RECIPE,
    )  # fmt: skip


def _probe(
    recordings: Sequence[tuple[Path, str, str]],
    features: NDArray[np.float32],
    parts: NDArray[np.str_],
    labels: Sequence[str],
    head: Path,
    context: PixelContext,
) -> tuple[Path, NDArray[np.int64]]:
    """Return the file of the best linear classifier on dev, and what it says of the test recordings."""
    truth = np.array([labels.index(digit) for _, digit, _ in recordings])
    train, dev = parts == "train", parts == "dev"
    centre, spread = features[train].mean(0), features[train].std(0) + 1e-6
    scaled = (features - centre) / spread
    tried = [LogisticRegression(C=strength, max_iter=2_000).fit(scaled[train], truth[train]) for strength in _STRENGTHS]
    best = max(tried, key=lambda model: float(model.score(scaled[dev], truth[dev])))
    weights = best.coef_ / spread
    np.savez(head, weights=weights.astype(np.float32), biases=(best.intercept_ - weights @ centre).astype(np.float32))
    place = {path.name: row for row, (path, _, _) in enumerate(recordings)}
    rows = [place[Path(name).name] for name in context.names("test")]
    return head, best.predict(scaled[rows])


def _answers(context: PixelContext, candidate: Candidate) -> NDArray[np.int64]:
    return np.asarray(decisions(answers(context, candidate, split="test").logits, multi_label=False))


def _rows(fold: Fold) -> list[dict[str, Any]]:
    """Return a row for each system on one speaker."""
    found = []
    for name in SYSTEMS:
        measured = quality("accuracy", fold.truth, fold.found[name], split="test", seed=13)
        cost = fold.costs.get(name)
        latency = cost.latency if cost else None
        found.append(
            {
                "system": name, "role": _ROLES[name], "dataset": f"fsdd, {fold.speaker} unheard", "task": "audio",
                "metric": "accuracy", "seed": 13, "value": measured.value, "ci": [measured.ci.low, measured.ci.high],
                "n": measured.n, "size_bytes": fold.sizes.get(name),
                "p50_ms": 1e3 * latency.p50_s if latency else None, "p95_ms": 1e3 * latency.p95_s if latency else None,
                "throughput_per_s": cost.throughput_per_s if cost else None,
                "peak_memory_bytes": cost.memory_bytes if cost else None, "failed": cost.failed if cost else None,
            }
        )  # fmt: skip
    return found


def _together(folds: Sequence[Fold]) -> list[dict[str, Any]]:
    """Return a row for each system on all speakers: the mean over them, the worst, and the difference to the probe."""
    dice = np.random.default_rng(13)
    right = {name: [one.found[name] == one.truth for one in folds] for name in SYSTEMS}
    draws = [dice.integers(0, len(one.truth), (_DRAWS, len(one.truth))) for one in folds]
    drawn = {
        name: np.mean([hits[rows].mean(axis=1) for hits, rows in zip(right[name], draws, strict=True)], axis=0)
        for name in SYSTEMS
    }
    found = []
    for name in SYSTEMS:
        speakers = [float(hits.mean()) for hits in right[name]]
        delta = drawn[name] - drawn["whisper-probe"]
        probe = float(np.mean([hits.mean() for hits in right["whisper-probe"]]))
        found.append(
            {
                "system": name, "role": _ROLES[name], "dataset": "fsdd, each speaker unheard", "task": "audio",
                "metric": "accuracy", "seed": 13, "value": float(np.mean(speakers)), "ci": _interval(drawn[name]),
                "n": sum(len(one.truth) for one in folds), "worst": min(speakers),
                "delta": float(np.mean(speakers)) - probe, "delta_ci": _interval(delta), "failed": None,
            }
        )  # fmt: skip
    return found


def _interval(values: NDArray[np.float64]) -> list[float]:
    return [float(value) for value in np.quantile(values, [0.025, 0.975])]


_ROLES = dict(zip(SYSTEMS, ("peer", "teacher", "peer", "peer", "choice"), strict=True))


def render(result: Mapping[str, Any]) -> str:
    """Return the table of all speakers, and that of the costs."""
    rows = result["rows"]
    of_all = [row for row in rows if row["dataset"] == "fsdd, each speaker unheard"]
    timed = {row["system"]: row for row in rows if row.get("p50_ms")}
    by_speaker = {
        name: [row["value"] for row in rows if row["system"] == name and row not in of_all] for name in SYSTEMS
    }
    lines = [
        "| system | mean accuracy (95 % interval) | worst speaker | against the probe | size | p50 | p95 | memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in of_all:
        cost = timed.get(row["system"], {})
        size = cost.get("size_bytes")
        lines.append(
            f"| {row['system']} | {row['value']:.4f} [{row['ci'][0]:.4f}, {row['ci'][1]:.4f}] | {row['worst']:.3f} "
            f"| {row['delta']:+.4f} [{row['delta_ci'][0]:+.4f}, {row['delta_ci'][1]:+.4f}] "
            f"| {'' if size is None else show_size(size)} | {cost.get('p50_ms') or 0:.2f} ms "
            f"| {cost.get('p95_ms') or 0:.2f} ms | {show_size(cost.get('peak_memory_bytes') or 0)} |"
        )
    lines += ["", "By speaker (" + ", ".join(SPEAKERS) + "):", ""]
    lines += [f"- {name}: {', '.join(f'{value:.3f}' for value in found)}" for name, found in by_speaker.items()]
    return "\n".join([*lines, "", footer(dict(result))])


if __name__ == "__main__":
    sys.exit(main())
