"""The latency table against the clock: what it predicts of models whose depth it never timed, and what they take.

    make bench-latency          # SST-2's texts from $PENJING_BENCH_DATA

The models are cut out of the pretrained one as students are: units sorted by importance, embeddings narrowed.
"""

from __future__ import annotations

import argparse
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.compare import result_of
from benchmarks.datasets import sst2
from benchmarks.table import write_result_file
from penjing.bundle.worker import worker_command
from penjing.measure.latency import measure_systems
from penjing.measure.size import folder_size
from penjing.progress import Silent
from penjing.search.context import Context, open_run
from penjing.search.latency_table import cost_table, write_probe
from penjing.search.models import supervised
from penjing.search.students import SAMPLE_TEXTS, sample
from penjing.shrink.importance import unit_importance
from penjing.shrink.structure import extract, factor_words, keep_pieces, keep_positions, sort_units
from penjing.train.cached_folder import default_cache
from penjing.train.checkpoint import load_pretrained
from penjing.train.encoder import Encoder, Part

RANK, DEPTHS, HEADS, FFN = 128, (1, 2, 3, 4, 5, 6), (12, 8), (768, 384)
WITHIN = 0.15


def main() -> int:
    """Predict, measure, and write both down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".bench/latency"))
    work = parser.parse_args().work
    context = open_run(sst2(work / "data"), output=work, cache=default_cache(), reporter=Silent())
    shape = pretrained(context).shape
    parts = [Part(tuple(range(depth)), heads, ffn) for depth, heads, ffn in product(DEPTHS, HEADS, FFN)]
    costs = cost_table(context, parts, shape, rank=RANK)
    unseen = [part for part in parts if 1 < len(part.blocks) < max(DEPTHS)]
    whole = sorted_model(context)
    (work / "probes").mkdir(parents=True, exist_ok=True)
    folders = {
        name(part): write_probe(context, extract(whole, part), work / "probes" / name(part).replace(" ", "-"))
        for part in unseen
    }
    commands = {key: worker_command(folder, threads=context.task.budget.threads) for key, folder in folders.items()}
    measured = measure_systems(commands, context.texts("dev"), threads=context.task.budget.threads)
    rows: list[dict[str, Any]] = []
    for part in unseen:
        latency, size = measured[name(part)].latency, folder_size(folders[name(part)])
        predicted = costs.latency_s(part)
        if latency is None or predicted is None:
            raise SystemExit(f"{name(part)} was not measured: {measured[name(part)].failed}")
        rows.append(
            {
                "system": name(part),
                "predicted_ms": predicted * 1e3,
                "p50_ms": latency.p50_s * 1e3,
                "p50_ci_ms": [latency.p50_ci.low * 1e3, latency.p50_ci.high * 1e3],
                "n": latency.n,
                "error": predicted / latency.p50_s - 1,
                "predicted_bytes": costs.size_bytes(part),
                "size_bytes": size,
            }
        )
    result = result_of("make bench-latency", rows)
    write_result_file("latency", result)
    for row in rows:
        print(f"{row['system']:28} {row['predicted_ms']:6.3f} {row['p50_ms']:6.3f} ms  {row['error']:+.1%}")
    near = sum(abs(row["error"]) <= WITHIN for row in rows)
    print(f"{near} of {len(rows)} within {WITHIN:.0%}")
    return 0


def pretrained(context: Context) -> Encoder:
    """Return the model that a teacher starts from."""
    return load_pretrained(context.model.folder, labels=len(context.splits.labels), seed=0)


def sorted_model(context: Context) -> Encoder:
    """Return it with the pieces and positions of a student, every prefix of its units the best of its size."""
    kept = keep_pieces(pretrained(context), context.vocabulary.kept.tolist())
    model = keep_positions(kept, context.vocabulary.max_length)
    tokens, truth = sample(context, count=SAMPLE_TEXTS)
    loss = supervised(context, truth.numpy())
    model = sort_units(model, unit_importance(model, tokens, loss=loss, device=context.device))
    counts = np.bincount(context.tokens["train"].ids, minlength=model.shape.vocabulary)
    return factor_words(model, RANK, counts=counts.tolist())


def name(part: Part) -> str:
    """Return what the rows call a model."""
    return f"{len(part.blocks)} layers, {part.heads} heads, {part.ffn} FFN"


if __name__ == "__main__":
    sys.exit(main())
