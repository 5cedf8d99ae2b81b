"""Translation: a Transformer from nothing, the student that `fit` distils from it, and what they are to beat.

    make bench-translate                     # software (Debian's packages) and Tatoeba, hours on two cores
    make bench-translate ONLY=localise

Systems: the teacher in CTranslate2's float32 and int8; the student, which is cut out of it and learns from it,
in both; the same cut that learns the references alone; a new model of the same size that never had a teacher; and a
translation memory (the nearest text of train). BLEU
and chrF are of the test split, drops paired against the float32 teacher, intervals by the bootstrap; `unseen` leaves
out sources that are in train too. Resumable: every training is a stage in the work folder.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from benchmarks.compare import THREADS, result_of
from benchmarks.datasets import data_file
from benchmarks.table import ROOT, footer, write_block, write_result_file
from penjing import PenjingError, Task, fit, make_task, read_task
from penjing.cli.progress import StageBars
from penjing.data.catalogue import open_catalogue
from penjing.masking import protect
from penjing.measure.latency import Measured, measure_systems
from penjing.measure.scored import judge_scored, scored_quality
from penjing.measure.size import folder_size
from penjing.measure.translation import CorpusScored, score_translations, signature
from penjing.records import Verdict
from penjing.search.translation.candidates import (
    TranslationCandidate,
    reader_candidates,
    student_candidates,
    teacher_candidates,
)
from penjing.search.translation.context import TranslationContext, open_translation_run
from penjing.search.translation.distil import distilled_lesson
from penjing.search.translation.evaluate import plain, translations
from penjing.search.translation.memory import MEMORY, nearest_translations
from penjing.search.translation.models import as_given, new_student, train_student, train_teacher
from penjing.train.cached_folder import default_cache
from penjing.translation.api import make_wish
from penjing.translation.documents import Work, translate_document
from penjing.translation.references import open_translator
from penjing.translation.worker import worker_command

COMMAND = "make bench-translate"
LOCALISE = ROOT.parent / "examples" / "localise"
TEACHER, TEACHER_INT8 = "teacher, float32", "teacher, int8"
STUDENT_FLOAT32, STUDENT, SHORTLISTED = "student, float32", "student, int8", "student, int8, shortlist"
UNDISTILLED_SHORTLISTED = "student, int8, shortlist, references alone"
UNDISTILLED, UNTAUGHT = "student, int8, references alone", "new, same size, int8, references alone"
_ENGINES = ("ctranslate2", "sentencepiece", "sacrebleu")
BARE_ROUNDS, BARE_TEXTS, SEED, ENTRIES = 7, 1000, 13, 1000
_HEADER = (
    "| system | BLEU (95 % interval) | drop against the teacher | chrF | BLEU, unseen sources | size | p50 "
    "| texts/s, batch 32 | memory | training |"
)


def localise(_: Path) -> Task:
    """Software, held out by package: examples/localise in full."""
    return read_task(LOCALISE / "task.toml")


def tatoeba(prepared: Path) -> Task:
    """Everyday sentences, split by their English side."""
    lines = data_file("tatoeba_cmn_eng/cmn.txt").read_text(encoding="utf-8-sig").splitlines()
    path = prepared / "tatoeba.tsv"
    prepared.mkdir(parents=True, exist_ok=True)
    path.write_text("source\ttarget\n" + "".join("\t".join(line.split("\t")[:2]) + "\n" for line in lines), "utf-8")
    return make_task(
        name="tatoeba",
        kind="translate",
        model="new",
        source_lang="en",
        target_lang="zh",
        data={"source": str(path)},
        recipe={"epochs": 30, "student_epochs": 20, "dropout": 0.3},
    )


DATASETS: Mapping[str, Callable[[Path], Task]] = {"localise": localise, "tatoeba_cmn_eng": tatoeba}


@dataclass(frozen=True)
class System:
    """A bundle under measurement, or the memory."""

    name: str
    role: str
    candidate: TranslationCandidate | None
    answers: list[str]


def main() -> int:
    """Measure, and write the result files and tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(DATASETS), default=list(DATASETS))
    parser.add_argument("--work", type=Path, default=Path(".bench"))
    given = parser.parse_args()
    try:
        for name in given.only:
            for result in measured(name, DATASETS[name](given.work / "data"), given.work / f"translate-{name}"):
                write_result_file(f"translate-{name}", result)
                write_block(f"translate-{name}", render(result))
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def measured(dataset: str, task: Task, output: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a data set, and again with the control, which is trained last."""
    with StageBars(Console(stderr=True)) as reporter:
        yield from _measured(dataset, task, output, reporter)


def _measured(dataset: str, task: Task, output: Path, reporter: StageBars) -> Iterator[dict[str, Any]]:
    chosen = fit(task, output=output, reporter=reporter)
    context = open_translation_run(task, output=output, cache=default_cache(), reporter=reporter)
    teacher = train_teacher(context)
    teachers = teacher_candidates(context, teacher)
    student = train_student(context, teacher, distilled_lesson(context, teacher, teachers[1]))
    students, given = student_candidates(context, student), as_given(context)
    readers = reader_candidates(context, train_student(context, teacher, given))
    candidates = dict(zip(
        (TEACHER, TEACHER_INT8, STUDENT_FLOAT32, STUDENT, SHORTLISTED), (*teachers, *students), strict=False
    )) | dict(zip((UNDISTILLED, UNDISTILLED_SHORTLISTED), readers, strict=True))  # fmt: skip
    choice = next(name for name, found in candidates.items() if found.name == chosen.choice)
    catalogue = None
    if dataset == "localise":
        catalogue = translated_catalogue(candidates[choice], LOCALISE / "data" / "evolution.po", output)
    for control in (None, UNTAUGHT):
        if control is not None:
            candidates[control] = student_candidates(context, new_student(context, student.shape, given))[1]
        result = result_of(COMMAND, _timed_rows(dataset, context, candidates, given.pairs, choice=choice))
        yield {
            **result,
            "versions": {**result["versions"], **{name: version(name) for name in _ENGINES}},
            "signature": signature("bleu", context.languages[1]),
            "catalogue": catalogue,
        }


def _timed_rows(
    dataset: str,
    context: TranslationContext,
    candidates: Mapping[str, TranslationCandidate],
    given: Sequence[tuple[str, str]],
    *,
    choice: str,
) -> list[dict[str, Any]]:
    speed = measure_systems(
        {name: worker_command(found.folder, threads=THREADS) for name, found in candidates.items()},
        context.typed("test")[:400],
        threads=THREADS,
    )
    systems = [
        System(name, _role(name, choice), found, translations(context, found, "test"))
        for name, found in candidates.items()
    ]
    systems.append(System(MEMORY, "peer", None, nearest_translations(given, context.sources("test"))))
    rows = _rows(dataset, context, systems, speed)
    share = bare_share(candidates[choice], context.sources("test")[:BARE_TEXTS])
    for row in rows:
        if row["system"] == choice:
            row |= {"note": f"chosen: {candidates[choice].name}", "share_of_bare": share}
    return rows


def _role(name: str, choice: str) -> str:
    return {TEACHER: "teacher", UNDISTILLED: "ablation", UNTAUGHT: "ablation", choice: "choice"}.get(name, "peer")


def _rows(
    dataset: str, context: TranslationContext, systems: Sequence[System], speed: Mapping[str, Measured]
) -> list[dict[str, Any]]:
    unseen = [place for place, seen in enumerate(context.splits.seen("test")) if not seen]
    teacher = _scores(context, systems[0].answers, None)
    rows: list[dict[str, Any]] = []
    for system in systems:
        found, apart = _scores(context, system.answers, None), _scores(context, system.answers, unseen)
        timed = speed.get(system.name)
        for metric, score in found.items():
            quality = scored_quality(score, split="test", seed=SEED)
            verdict = judge_scored(context.task.bar, score, teacher[metric], split="test", seed=SEED)
            rows.append({
                "system": system.name, "role": system.role, "dataset": dataset, "task": "translate", "metric": metric,
                "seed": context.task.recipe.seed, "value": 100 * quality.value,
                "ci": [100 * quality.ci.low, 100 * quality.ci.high], "n": quality.n, "delta": _negated(verdict.drop),
                "delta_ci": _negated_ci(verdict), "unseen": 100 * apart[metric].value, "n_unseen": len(unseen),
                "size_bytes": None if system.candidate is None else folder_size(system.candidate.folder),
                "p50_ms": timed and timed.latency and 1e3 * timed.latency.p50_s,
                "throughput_per_s": timed and timed.throughput_per_s,
                "peak_memory_bytes": timed and timed.memory_bytes,
                "train_s": None if system.candidate is None else system.candidate.train_s,
                "failed": timed and timed.failed,
            })  # fmt: skip
    return rows


def _scores(context: TranslationContext, answers: Sequence[str], places: list[int] | None) -> dict[str, CorpusScored]:
    expected, chosen = context.targets("test"), range(len(answers)) if places is None else places
    one, other = ([plain(texts[place]) for place in chosen] for texts in (answers, expected))
    return {metric: score_translations(metric, one, other, target=context.languages[1]) for metric in ("bleu", "chrf")}


def _negated(drop: float | None) -> float | None:
    return None if drop is None else -100 * drop


def _negated_ci(verdict: Verdict) -> list[float] | None:
    return None if verdict.drop_ci is None else [-100 * verdict.drop_ci.high, -100 * verdict.drop_ci.low]


def bare_share(candidate: TranslationCandidate, texts: list[str]) -> dict[str, Any]:
    """Return masked texts a second through `Translator` and through CTranslate2 alone, in turns, on the same batches.

    Nothing is looked for again: what that costs is in the texts a second of the rows.
    """
    with open_translator(str(candidate.folder), threads=THREADS) as ours:
        local: Any = ours._engine
        pieces = local._spelling.pieces(texts)
        bare: Any = local._engine._translator
        local.again = ()
        wish = make_wish(ours, None, None)
        order = random.Random(0)  # noqa: S311 (an order)
        rates: dict[str, list[float]] = {"ours": [], "bare": []}

        def run_bare() -> None:
            by_length = sorted(range(len(texts)), key=lambda place: len(texts[place]), reverse=True)
            for start in range(0, len(texts), 256):
                batch = [pieces[place] for place in by_length[start : start + 256]]
                longest = min(256, 16 + 2 * max(map(len, batch)))
                bare.translate_batch(
                    batch, max_batch_size=1024, batch_type="tokens", beam_size=1, max_decoding_length=longest,
                    use_vmap=local._engine._mapped,
                )  # fmt: skip

        for turn in range(BARE_ROUNDS + 1):
            for name in order.sample(["ours", "bare"], 2):
                began = time.perf_counter()
                if name == "ours":
                    ours.best(texts, wish)
                else:
                    run_bare()
                if turn:
                    rates[name].append(len(texts) / (time.perf_counter() - began))
    shares = [one / other for one, other in zip(rates["ours"], rates["bare"], strict=True)]
    return {
        "median": median(shares), "range": [min(shares), max(shares)], "n": BARE_ROUNDS,
        "ours_per_s": median(rates["ours"]), "bare_per_s": median(rates["bare"]),
    }  # fmt: skip


def translated_catalogue(candidate: TranslationCandidate, path: Path, work: Path) -> dict[str, Any]:
    """Translate the first 1,000 entries of a held-out catalogue; say how many became fuzzy, and what msgfmt says."""
    catalogue = open_catalogue(path)
    del catalogue[ENTRIES:]
    source, target = work / "untranslated.po", work / "translated.po"
    catalogue.save(str(source))
    with open_translator(str(candidate.folder), threads=THREADS) as model, target.open("w", encoding="utf-8") as file:
        outcome = translate_document(source, file, Work(model, make_wish(model, None, None)))
    said = None
    if program := shutil.which("msgfmt"):
        command = [program, "--check", "--statistics", "-o", "/dev/null", str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = {
            "exit_code": done.returncode,
            "output": done.stderr.replace(str(target), "translated.po").strip()[-400:],
        }
    return {
        "entries": outcome.texts, "fuzzy": len(outcome.problems), "with_placeholders": sum(
            bool(protect(entry.msgid).kept) for entry in catalogue
        ), "problems": [list(problem) for problem in outcome.problems[:30]], "msgfmt": said,
    }  # fmt: skip


def render(result: dict[str, Any]) -> str:
    """Return the rows as a table, a line a system."""
    rows = result["rows"]
    lines = [_HEADER, "|" + "---|" * (_HEADER.count("|") - 1)]
    by_system: dict[str, dict[str, Any]] = {}
    for row in rows:
        by_system.setdefault(row["system"], {})[row["metric"]] = row
    lines += [_line(found["bleu"], found["chrf"]) for found in by_system.values()]
    choice = next(found["bleu"] for found in by_system.values() if "share_of_bare" in found["bleu"])
    student, plain_int8 = by_system[STUDENT]["bleu"], by_system[TEACHER_INT8]["bleu"]
    share = choice["share_of_bare"]
    without = {UNDISTILLED: "the same cut that learns the references alone", UNTAUGHT: "a new model of its size"}
    gains = [
        f"- the student has {student['value'] - by_system[name]['bleu']['value']:+.2f} BLEU beside {what}"
        for name, what in without.items()
        if name in by_system
    ]
    low, high = share["range"]
    lines += [
        "",
        f"- penjing chose {choice['system']}",
        *(
            f"- {name} against the teacher in int8: {_against(plain_int8, by_system[name]['bleu'])}"
            for name in (STUDENT, SHORTLISTED)
        ),
        *gains,
        f"- {choice['n']:,} test texts, {choice['n'] - choice['n_unseen']:,} of whose sources are in train too",
        f"- the choice: {share['ours_per_s']:,.0f} texts/s in batches by length, pieces included: "
        f"{share['median']:.0%} ({low:.0%} to {high:.0%}, n = {share['n']}) of CTranslate2 alone on the same batches",
        *_catalogue_line(result.get("catalogue")),
        "",
        f"BLEU: `{result['signature']}`. {footer(result)}",
    ]
    return "\n".join(lines)


def _against(whole: dict[str, Any], small: dict[str, Any]) -> str:
    return (
        f"{whole['size_bytes'] / small['size_bytes']:.1f} x smaller, {whole['p50_ms'] / small['p50_ms']:.1f} x faster "
        f"at p50, {small['throughput_per_s'] / whole['throughput_per_s']:.1f} x the texts/s at batch 32"
    )


def _catalogue_line(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return []
    accepted = "" if found["msgfmt"] is None else f"; msgfmt --check ends with {found['msgfmt']['exit_code']}"
    return [
        f"- {found['entries']:,} entries of a held-out .po, {found['with_placeholders']:,} of them with placeholders "
        f"or tags: {found['fuzzy']} fuzzy, every other with all of them{accepted}"
    ]


def _line(bleu: dict[str, Any], chrf: dict[str, Any]) -> str:
    drop = ""
    if bleu["delta"] is not None and bleu["role"] != "teacher":
        drop = f"{-bleu['delta']:+.2f} [{-bleu['delta_ci'][1]:+.2f}, {-bleu['delta_ci'][0]:+.2f}]"
    cells = [
        f"**{bleu['system']}** (chosen)" if bleu["role"] == "choice" or "share_of_bare" in bleu else bleu["system"],
        f"{bleu['value']:.2f} [{bleu['ci'][0]:.2f}, {bleu['ci'][1]:.2f}]",
        drop,
        f"{chrf['value']:.2f}",
        f"{bleu['unseen']:.2f}",
        "" if bleu["size_bytes"] is None else f"{bleu['size_bytes'] / 1e6:.1f} MB",
        "" if bleu["p50_ms"] is None else f"{bleu['p50_ms']:.2f} ms",
        "" if bleu["throughput_per_s"] is None else f"{bleu['throughput_per_s']:,.0f}",
        "" if bleu["peak_memory_bytes"] is None else f"{bleu['peak_memory_bytes'] / 1e6:,.0f} MB",
        "" if bleu["train_s"] is None else f"{bleu['train_s'] / 60:.0f} min",
    ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
