"""Bundles that may be chosen: teacher and student in float32 and int8, and the student with a shortlist of pieces.

The student in int8 is there for ONNX Runtime too, which needs no extra: slower, and for machines without CTranslate2.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from penjing.bundle.manifest import Manifest
from penjing.bundle.write import stamp, write_bundle
from penjing.engines.translate.shortlist import SHORTLIST, write_shortlist
from penjing.export.ctranslate2 import Precision
from penjing.export.translation_engines import TARGETS, TranslationEngine
from penjing.records import Step
from penjing.search.stages import Stage
from penjing.search.translation.context import TranslationContext
from penjing.search.translation.models import Learned
from penjing.shrink.shortlist import shortlist, shortlist_rows
from penjing.train.piece_table import PieceTable
from penjing.train.seq2seq import load_seq2seq, pair_rows
from penjing.units import show_size

Role = Literal["teacher", "plain-int8", "candidate"]
TEACHER, TEACHER_INT8 = "teacher", "teacher, int8"
STUDENT, STUDENT_INT8, SHORTLISTED = "student", "student, int8", "student, int8, shortlist"
READER_INT8, READER_SHORTLISTED = "student of references, int8", "student of references, int8, shortlist"
PORTABLE = "student, int8, onnxruntime"
_BUNDLE = "bundle"


@dataclass(frozen=True)
class TranslationCandidate:
    """One bundle that may be chosen, not measured yet."""

    name: str
    role: Role
    recipe: tuple[Step, ...]
    folder: Path
    key: str
    train_s: float
    parameters: int
    engine: TranslationEngine = "ctranslate2"
    notes: tuple[str, ...] = ()


def teacher_candidates(context: TranslationContext, teacher: Learned) -> list[TranslationCandidate]:
    """Return the teacher in float32 and in plain int8."""
    return [
        _candidate(context, teacher, TEACHER, "teacher", "float32"),
        _candidate(context, teacher, TEACHER_INT8, "plain-int8", "int8"),
    ]


def student_candidates(context: TranslationContext, student: Learned) -> list[TranslationCandidate]:
    """Return the student in float32, in int8, with few pieces to choose from for each source, and for ONNX Runtime."""
    return [
        _candidate(context, student, STUDENT, "candidate", "float32"),
        _candidate(context, student, STUDENT_INT8, "candidate", "int8"),
        _candidate(context, student, SHORTLISTED, "candidate", "int8", mapping=_mapping(context, student.table)),
        _candidate(context, student, PORTABLE, "candidate", "int8", engine="onnxruntime"),
    ]


def reader_candidates(context: TranslationContext, student: Learned) -> list[TranslationCandidate]:
    """Return the student that learned the references alone, in int8, and with few pieces to choose from.

    Where the teacher has not learned enough, people teach better than it does (docs/log.md).
    """
    return [
        _candidate(context, student, READER_INT8, "candidate", "int8"),
        _candidate(context, student, READER_SHORTLISTED, "candidate", "int8", mapping=_mapping(context, student.table)),
    ]


def _mapping(context: TranslationContext, table: PieceTable) -> Stage:
    """Return the stage of the shortlist, learned from the training pairs."""

    def make(folder: Path, _: Path) -> None:
        pairs = [(pair.source, pair.target) for pair in context.splits.train]
        found = shortlist(pair_rows(table, pairs, pad=0), pieces=len(table.names))
        write_shortlist(folder / SHORTLIST, shortlist_rows(found, table.names))

    context.reporter.begin("shortlist")
    names = hashlib.sha256("\n".join(table.names).encode()).hexdigest()
    stage = context.store.stage("shortlist", {**context.base_key, "names": names, "by": "IBM 1", "packed": True}, make)
    context.reporter.end(show_size((stage.folder / SHORTLIST).stat().st_size), reused=stage.reused)
    return stage


def _candidate(
    context: TranslationContext,
    learned: Learned,
    name: str,
    role: Role,
    precision: Precision,
    *,
    mapping: Stage | None = None,
    engine: TranslationEngine = "ctranslate2",
) -> TranslationCandidate:
    context.reporter.begin(f"export {name}")
    steps = [*learned.recipe]
    if precision == "int8":
        steps.append(Step(name="quantize", values={"weights": "int8"}))
    if mapping is not None:
        steps.append(Step(name="shortlist"))
    manifest = Manifest(
        **stamp(),
        name=f"{context.task.name}: {name}",
        kind="translate",
        engine=engine,
        model=TARGETS[engine].model,
        input=learned.table.input(context.languages, beam=context.task.recipe.beam),
        recipe=tuple(steps),
        parameters=learned.parameters,
        origin=learned.origin,
    )

    def make(folder: Path, _: Path) -> None:
        with TemporaryDirectory(dir=folder) as temporary:
            aside = Path(temporary)
            model = load_seq2seq(learned.folder)
            names = TARGETS[engine].write(model, learned.table, aside, precision=precision)
            names += learned.table.write(aside)
            if mapping is not None:
                shutil.copyfile(mapping.folder / SHORTLIST, aside / SHORTLIST)
                names.append(SHORTLIST)
            write_bundle(folder / _BUNDLE, manifest, {name: aside / name for name in names})

    inputs: Mapping[str, Any] = {
        "model": learned.key, "precision": precision, "mapping": mapping and mapping.key,
        "beam": context.task.recipe.beam, **({"engine": engine} if engine != "ctranslate2" else {}),
    }  # fmt: skip
    stage = context.store.stage("translator", inputs, make)
    context.reporter.end(f"{learned.parameters / 1e6:.1f} million parameters", reused=stage.reused)
    return TranslationCandidate(
        name, role, tuple(steps), stage.folder / _BUNDLE, stage.key, learned.train_s, learned.parameters, engine
    )
