"""A trial's bundle is handed over: golden translations and everything known about it go in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from penjing.bundle.golden import GOLDEN_NAME
from penjing.bundle.manifest import Golden
from penjing.bundle.read import read_manifest
from penjing.bundle.write import stamp, write_bundle
from penjing.measure.machine import instruction_set
from penjing.translation.golden import TOLERANCE, golden_translations, write_golden_translations
from penjing.translation.references import open_translator


def hand_over_translator(
    source: Path, folder: Path, *, texts: Sequence[str], threads: int, known: Mapping[str, Any]
) -> None:
    """Write the bundle in `source` into `folder`; `known` are fields of the manifest.

    Raises:
        BundleError: the files in `source` have changed since they were made.
        StorageError: the disk is full or not writable.
    """
    manifest = read_manifest(source)
    with open_translator(str(source), threads=threads) as model:
        rows = golden_translations(model, texts)
    golden = Golden(n=len(rows), isa=instruction_set(), tolerance=TOLERANCE)
    finished = manifest.model_copy(update={**stamp(), "golden": golden, **known})
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".golden-") as temporary:
        path = Path(temporary) / GOLDEN_NAME
        write_golden_translations(path, rows)
        write_bundle(folder, finished, {**{name: source / name for name in manifest.files}, GOLDEN_NAME: path})
