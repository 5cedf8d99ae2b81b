"""A trial's files become a bundle to hand over: golden answers and everything known about it go in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from penjing.bundle import load, read_manifest, write_bundle
from penjing.bundle.golden import GOLDEN_NAME, write_golden
from penjing.bundle.manifest import Golden
from penjing.bundle.write import stamp
from penjing.measure.machine import instruction_set
from penjing.records import Trial

_GOLDEN_SHARE = 0.05  # of the largest golden logit: how far another instruction set may be off


def hand_over(
    trial: Trial,
    source: Path,
    folder: Path,
    *,
    golden: Sequence[str | bytes],
    threads: int,
    abstain_below: float | None,
    known: Mapping[str, Any],
) -> None:
    """Write `trial`, whose files are in `source`, into `folder`; `known` are fields of the manifest.

    The answers to `golden`, texts or the files of pictures, go with it.

    Raises:
        BundleError: the files in `source` have changed since they were made.
        StorageError: the disk is full or not writable.
    """
    bundle, manifest = load(source, threads=threads), read_manifest(source)
    logits = bundle.logits(golden, batch_size=8)
    tolerance = max(1e-3, round(_GOLDEN_SHARE * float(abs(logits).max()), 4))
    outputs = {"temperature": trial.temperature, "abstain_below": abstain_below}
    finished = manifest.model_copy(
        update={
            **stamp(),
            "outputs": manifest.outputs.model_copy(update=outputs),
            "golden": Golden(n=len(golden), isa=instruction_set(), tolerance=tolerance),
            **known,
        }
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".golden-") as temporary:
        path = Path(temporary) / GOLDEN_NAME
        write_golden(path, golden, logits, manifest.outputs.labels)
        files = {name: source / name for name in manifest.files}
        write_bundle(folder, finished, {**files, GOLDEN_NAME: path})
