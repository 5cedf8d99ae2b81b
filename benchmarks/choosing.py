"""Choosing before training, against training: what probes and the plan say, and what fine-tuning gives.

    make bench-choosing          # SST-2, Banking77 and waimai10k from $PENJING_BENCH_DATA

`probes`: encoders cut at several depths, judged frozen (a linear probe, LogME) and fine-tuned on the same 2,000 texts
of SST-2; Kendall's tau between the two orders, its interval by drawing dev texts anew. `plan`: the pretrained encoders
that Python packages ship, and n-grams, trained in full on three data sets; the plan's first choice beside the best on
test. Resumable: every training is a stage in the work folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from scipy.stats import kendalltau

from benchmarks.compare import result_of
from benchmarks.datasets import CHINESE, DATASETS, ENGLISH, sst2
from benchmarks.table import footer, write_block, write_result_file
from penjing import PenjingError, Task
from penjing.catalog.facts import read_prices
from penjing.cli.progress import StageBars
from penjing.measure.compute import this_device
from penjing.measure.intervals import percentiles, quality
from penjing.search.context import Context, open_run
from penjing.search.models import Trained, supervised, trained_stage
from penjing.search.models import train_teacher as fine_tuned
from penjing.select.logme import logme
from penjing.select.need import Need, pieces_of
from penjing.select.plan import make_plan
from penjing.select.probes import NGRAMS, fit_head, ngram_features
from penjing.shrink.structure import keep_blocks, keep_pieces
from penjing.tasks.classify import decisions
from penjing.train.batches import Tokens, tokenize
from penjing.train.cached_folder import default_cache
from penjing.train.checkpoint import load_pretrained
from penjing.train.encoder import Encoder
from penjing.train.loop import Loss
from penjing.train.pace import TrainPlan
from penjing.train.predict import answers_of, logits_of

COMMAND = "make bench-choosing"
DEPTHS = {ENGLISH: (6, 5, 4, 3, 2, 1), CHINESE: (12, 8, 4, 2)}
LEARNED, RATE, DRAWS, SEED = 2000, 1e-4, 2000, 13
PLANNED = {"sst2": "en", "banking77": "en", "waimai10k": "zh"}

Rights = NDArray[np.bool_]


@dataclass(frozen=True)
class Tried:
    """A candidate judged frozen and fine-tuned, on the same dev texts."""

    name: str
    probe: Rights
    tuned: Rights
    logme: float
    train_s: float


def main() -> int:
    """Judge, train, and write both down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".bench/choosing"))
    parser.add_argument("--only", nargs="*", choices=["probes", "plan"], default=["probes", "plan"])
    given = parser.parse_args()
    try:
        if "probes" in given.only:
            _written("choosing-probes", probe_rows(given.work), render_probes)
        if "plan" in given.only:
            _written("choosing-plan", [row for name in PLANNED for row in plan_rows(name, given.work)], render_plan)
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _written(name: str, rows: list[dict[str, Any]], render: Any) -> None:
    result = result_of(COMMAND, rows)
    write_result_file(name, result)
    write_block(name, render(result))


def probe_rows(work: Path) -> list[dict[str, Any]]:
    """Return a row a candidate, and one of how far the orders agree."""
    tried = list(_all_tried(work))
    rows = [
        {
            "system": one.name, "probe": float(one.probe.mean()), "logme": one.logme, "tuned": float(one.tuned.mean()),
            "n": len(one.tuned), "train_s": one.train_s,
        }
        for one in tried
    ]  # fmt: skip
    draw = np.random.default_rng(SEED)
    probes, tuned = (np.stack([getattr(one, name) for one in tried]) for name in ("probe", "tuned"))
    n = probes.shape[1]
    taus = []
    for _ in range(DRAWS):
        places = draw.integers(0, n, n)
        taus.append(_tau(probes[:, places].mean(axis=1), tuned[:, places].mean(axis=1)))
    found = percentiles(np.array(taus))
    evidence = [one.logme for one in tried]
    rows.append({
        "system": "Kendall's tau", "probe": _tau(probes.mean(axis=1), tuned.mean(axis=1)),
        "ci": [found.low, found.high], "logme": _tau(evidence, tuned.mean(axis=1)), "n": len(tried),
    })  # fmt: skip
    return rows


def _tau(one: Any, other: Any) -> float:
    return float(kendalltau(one, other).statistic)


def _all_tried(work: Path) -> Iterator[Tried]:
    with StageBars(Console(stderr=True)) as reporter:
        for reference, depths in DEPTHS.items():
            task = _few(sst2(work / "data"), reference)
            context = open_run(task, output=work / "probes", cache=default_cache(), reporter=reporter)
            full = keep_pieces(
                load_pretrained(context.model.folder, labels=len(context.splits.labels), seed=SEED),
                context.vocabulary.kept.tolist(),
            )
            for depth in depths:
                yield _tried(context, f"{reference}, {depth} blocks", keep_blocks(full, range(depth)), depth)


def _few(task: Task, reference: str) -> Task:
    data = task.data.model_copy(update={"max_train": LEARNED})
    return task.model_copy(update={"data": data, "model": reference})


def _tried(context: Context, name: str, encoder: Encoder, depth: int) -> Tried:
    states = [answers_of(encoder, context.tokens[part], device=context.device).pooled.float().numpy()
              for part in ("train", "dev")]  # fmt: skip
    length = float(np.linalg.norm(states[0], axis=1).mean())
    learned, judged = (part / length for part in states)
    truth, right = context.truth["train"], context.truth["dev"]
    probe = fit_head(learned, truth).predict(judged) == right
    plan = TrainPlan(epochs=4.0, learning_rate=RATE, seed=SEED)

    def start() -> tuple[Encoder, Tokens, Loss]:
        return encoder, context.tokens["train"], supervised(context, truth)

    trained = trained_stage(context, name, (), {"plan": asdict(plan), "depth": depth}, plan, start)
    logits = logits_of(trained.load(), context.tokens["dev"], device=context.device)
    tuned = decisions(logits, multi_label=False) == right
    return Tried(name, probe, tuned, logme(learned, truth), trained.train_s)


def plan_rows(dataset: str, work: Path) -> list[dict[str, Any]]:
    """Return a row a candidate that can be had offline, as it is on test, and where the plan puts it."""
    task = DATASETS[dataset](work / "data" / dataset)
    with StageBars(Console(stderr=True)) as reporter:
        context = open_run(task, output=work / dataset, cache=default_cache(), reporter=reporter)
        order = _planned(context, PLANNED[dataset])
        answered = {NGRAMS: _ngram_answers(context)}
        times: dict[str, float | None] = {NGRAMS: None}
        for reference in order:
            if reference != NGRAMS:
                own = open_run(task.model_copy(update={"model": reference}), output=work / dataset,
                               cache=default_cache(), reporter=reporter)  # fmt: skip
                trained = fine_tuned(own)
                answered[reference], times[reference] = _tuned_answers(own, trained), trained.train_s
    rows = []
    for reference, answers in answered.items():
        found = quality("accuracy", context.truth["test"], answers, split="test", seed=SEED)
        rows.append({
            "dataset": dataset, "system": reference, "planned": order.index(reference) + 1, "value": found.value,
            "ci": [found.ci.low, found.ci.high], "n": found.n, "train_s": times[reference],
        })  # fmt: skip
    return sorted(rows, key=lambda row: row["planned"])


def _planned(context: Context, language: str) -> list[str]:
    """Return the models that can be had offline, n-grams among them, in the plan's order."""
    here = this_device(default_cache())
    need = Need(
        kind="classify", languages=(language,), serve_on=here, train_on=here, offline=True,
        examples=len(context.splits.train), labels=len(context.splits.labels),
        tokens=pieces_of(context.texts("train")[:2000]),
    )  # fmt: skip
    return list(dict.fromkeys(one.model or NGRAMS for one in make_plan(need, read_prices()).candidates))


def _ngram_answers(context: Context) -> NDArray[Any]:
    features = ngram_features([context.texts("train"), context.texts("test")])
    answers: NDArray[Any] = fit_head(features[0], context.truth["train"]).predict(features[1])
    return answers


def _tuned_answers(context: Context, trained: Trained) -> NDArray[Any]:
    from tokenizers import Tokenizer

    vocabulary = context.vocabulary
    tokens = tokenize(
        Tokenizer.from_file(str(vocabulary.tokenizer)), context.texts("test"), max_length=vocabulary.max_length,
        pad_id=vocabulary.pad_id,
    )  # fmt: skip
    return decisions(logits_of(trained.load(), tokens, device=context.device), multi_label=False)


def render_probes(result: dict[str, Any]) -> str:
    """Return the candidates, the best fine-tuned first, and the agreement of the orders."""
    *rows, tau = result["rows"]
    lines = ["| encoder | linear probe, dev | LogME | fine-tuned, dev | training |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['system']} | {row['probe']:.4f} | {row['logme']:.3f} | {row['tuned']:.4f} | {row['train_s']:.0f} s |"
        for row in sorted(rows, key=lambda row: -row["tuned"])
    ]
    low, high = tau["ci"]
    return "\n".join([
        *lines, "",
        f"Kendall's tau with fine-tuning, {tau['n']} encoders, {rows[0]['n']:,} dev texts: probe {tau['probe']:.2f} "
        f"[{low:.2f}, {high:.2f}], LogME {tau['logme']:.2f}.", "", footer(result),
    ])  # fmt: skip


def render_plan(result: dict[str, Any]) -> str:
    """Return the candidates of each data set in the plan's order."""
    lines = ["| data set | in the plan's order | accuracy on test (95 %) | n | training |", "|---|---|---|---|---|"]
    sums = []
    for dataset in PLANNED:
        rows = [row for row in result["rows"] if row["dataset"] == dataset]
        best = max(rows, key=lambda row: row["value"])
        behind = 100 * (best["value"] - rows[0]["value"])
        said = "the best" if behind <= 0 else f"{behind:.1f} points behind {best['system']}"
        sums.append(f"- {dataset}: the first choice is {said}")
        for row in rows:
            took = "" if row["train_s"] is None else f"{row['train_s'] / 60:.1f} min"
            lines.append(f"| {dataset} | {row['planned']}. {row['system']} | {row['value']:.4f} "
                         f"[{row['ci'][0]:.4f}, {row['ci'][1]:.4f}] | {row['n']:,} | {took} |")  # fmt: skip
    return "\n".join([*lines, "", *sums, "", footer(result)])


if __name__ == "__main__":
    sys.exit(main())
