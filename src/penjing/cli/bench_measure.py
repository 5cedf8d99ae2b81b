"""Measures bundles for `penjing bench`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from penjing.bundle.golden import GOLDEN_NAME, read_golden
from penjing.bundle.read import check_files, read_manifest
from penjing.bundle.worker import worker_command
from penjing.cli.bench_writing import measure_writing
from penjing.cli.labelled_files import asked_files
from penjing.cli.texts import read_texts
from penjing.data.labelled_files import MEDIA
from penjing.errors import BundleError, DataError, TaskError
from penjing.measure.latency import Measured, measure_systems
from penjing.measure.size import folder_size
from penjing.spec import Kind

_MOST_TEXTS = 1000


@dataclass(frozen=True)
class BenchRow:
    """One bundle and its figures."""

    bundle: str
    size_bytes: int
    measured: Measured
    kind: Kind = "classify"


def measure_bundles(
    bundles: Sequence[Path],
    *,
    source: str | None,
    column: str,
    engine: str | None,
    threads: int,
    batch_size: int,
    rounds: int,
) -> list[BenchRow]:
    """Return the figures of each bundle, on the texts of `source` or else the first bundle's golden ones.

    Raises:
        BundleError: a bundle is missing or damaged, or the first has no golden answers.
        TaskError: a bundle was given twice, or they are of two kinds.
        DataError: there is no text.
    """
    if len(set(bundles)) < len(bundles):
        raise TaskError("a bundle was given twice", rule="each once")
    kind = _kind(bundles)
    texts = None if source is None else _given(source, column=column, kind=kind)
    with _bar() as progress:
        if kind == "generate":
            measured = measure_writing(
                bundles, texts, engine=engine, threads=threads, batch_size=batch_size, rounds=rounds, progress=progress
            )
        else:
            with TemporaryDirectory() as aside:
                measured = measure_systems(
                    {str(bundle): worker_command(bundle, threads=threads, engine=engine) for bundle in bundles},
                    texts or _golden(bundles[0], Path(aside)),
                    threads=threads,
                    batch_size=batch_size,
                    rounds=rounds,
                    progress=progress,
                )
    return [BenchRow(str(bundle), _size(bundle), measured[str(bundle)], kind) for bundle in bundles]


def _size(bundle: Path) -> int:
    """Return the bytes that predicting needs: without the golden answers."""
    golden = bundle / GOLDEN_NAME
    return folder_size(bundle) - (golden.stat().st_size if golden.is_file() else 0)


def _kind(bundles: Sequence[Path]) -> Kind:
    """Return what the bundles, whose files are checked, all do."""
    kinds: dict[Kind, Path] = {}
    for bundle in bundles:
        manifest = read_manifest(bundle)
        check_files(bundle, manifest)
        kinds.setdefault(cast(Kind, manifest.kind), bundle)
    if len(kinds) > 1:
        raise TaskError(
            "bundles of two kinds cannot be compared",
            value=", ".join(f"{path}: {kind}" for kind, path in kinds.items()),
        )
    return next(iter(kinds))


def _golden(first: Path, aside: Path) -> list[str]:
    """Return the texts that a bundle has answers to; of pictures and sounds the files, which are written aside."""
    if not (first / GOLDEN_NAME).is_file():
        raise BundleError("this bundle has no golden answers", value=str(first), next_step="Give --input FILE")
    found = []
    for number, row in enumerate(read_golden(first)):
        if isinstance(row.source, bytes):
            file = aside / str(number)
            file.write_bytes(row.source)
        found.append(row.source if isinstance(row.source, str) else str(file))
    return found


def _given(source: str, *, column: str, kind: Kind) -> list[str]:
    """Return the texts, or the files, that are measured with."""
    if kind in MEDIA:
        asked = asked_files(None, source, column=None if column == "text" else column, medium=MEDIA[kind])
        texts = [str(found) for _, found in islice(asked, _MOST_TEXTS) if isinstance(found, str | Path)]
    else:
        texts = list(islice(read_texts(None, source, column=column, usage="penjing bench BUNDLE"), _MOST_TEXTS))
    if not texts:
        raise DataError("no texts to measure with", value=source, rule="at least one")
    return texts


@contextmanager
def _bar() -> Iterator[Callable[[float, float], None]]:
    """Give a function that moves a bar on stderr, which only people at a terminal see."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("bundles take turns", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
