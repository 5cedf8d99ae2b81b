"""A trial's GGUF file becomes a bundle to hand over: golden answers and everything known about it go in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from penjing.bundle.golden import GOLDEN_NAME
from penjing.bundle.manifest import Golden, Manifest
from penjing.bundle.write import stamp, write_bundle
from penjing.generation.golden import TOLERANCE, Prompt, golden_answers, write_golden_answers
from penjing.generation.references import open_text_model
from penjing.measure.machine import instruction_set
from penjing.records import Trial

MODEL_NAME = "model.gguf"


def hand_over_text(
    trial: Trial, source: Path, folder: Path, *, prompts: Sequence[Prompt], threads: int, known: Mapping[str, Any]
) -> None:
    """Write `trial`, whose file is `source`, into `folder`; `known` are fields of the manifest.

    Raises:
        EngineError: the file does not run here.
        StorageError: the disk is full or not writable.
    """
    with open_text_model(f"gguf:{source}", engine=trial.engine, threads=threads) as model:
        rows, format_ = golden_answers(model, prompts), model.default_format
    manifest = Manifest(
        **stamp(),
        kind="generate",
        engine=trial.engine,
        model=MODEL_NAME,
        input={"type": "text", "format": format_},
        recipe=trial.recipe,
        parameters=trial.parameters,
        golden=Golden(n=len(rows), isa=instruction_set(), tolerance=TOLERANCE),
        **known,
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=".golden-") as temporary:
        golden = Path(temporary) / GOLDEN_NAME
        write_golden_answers(golden, rows)
        write_bundle(folder, manifest, {MODEL_NAME: source, GOLDEN_NAME: golden})
