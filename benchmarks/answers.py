"""A small language model that names what a customer wants: judged by its answers, whole and with fewer blocks.

    make bench-answers          # Banking77 from $PENJING_BENCH_DATA

SmolLM2-135M-Instruct is fine-tuned on questions and the names of their intents, in words; then it loses blocks, and
what is left learns again from the whole. Every file writes its answers greedily in llama.cpp; one set of answers is
judged by each metric in turn, by `fit` itself with that metric in its bar.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.compare import result_of
from benchmarks.datasets import banking77_answers
from benchmarks.table import footer, write_block, write_result_file
from penjing import PenjingError, fit
from penjing.cli.progress import StageBars
from penjing.records import Trial
from penjing.search.fit import FitResult
from penjing.spec import ANSWER_METRICS, Metric
from penjing.units import show_size

COMMAND, NAME = "make bench-answers", "answers"
_HEADER = "| file | exact match | ROUGE-L | chrF | size | tokens/s | first token |"


def main() -> int:
    """Fit once for each metric, and write the result file and table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".bench"))
    work = parser.parse_args().work
    try:
        found = {metric: _fitted(metric, work) for metric in ANSWER_METRICS}
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    rows = [_row(trial.name, found) for trial in found[ANSWER_METRICS[0]].trials]
    result = {**result_of(COMMAND, rows), "test": [_judged(metric, done) for metric, done in found.items()]}
    write_result_file(NAME, result)
    write_block(NAME, render(result))
    return 0


def _fitted(metric: Metric, work: Path) -> FitResult:
    task = banking77_answers(work / "data" / NAME, metric=metric)
    with StageBars(Console(stderr=True)) as bars:
        return fit(task, output=work / NAME, reporter=bars)


def _row(name: str, found: dict[Metric, FitResult]) -> dict[str, Any]:
    """Return what one file scored on dev by every metric, and what it costs."""
    trials: dict[Metric, Trial] = {
        metric: next(trial for trial in done.trials if trial.name == name) for metric, done in found.items()
    }
    first = trials[ANSWER_METRICS[0]]
    scores = {metric: trial.quality.model_dump() for metric, trial in trials.items() if trial.quality is not None}
    return {
        "system": name,
        "dataset": "banking77",
        "scores": scores,
        "size_bytes": first.size_bytes,
        "latency": None if first.latency is None else first.latency.model_dump(),
        "peak_memory_bytes": first.memory_bytes,
        "train_s": first.train_s,
        "recipe": [step.model_dump() for step in first.recipe],
        "failed": first.failed,
    }


def _judged(metric: Metric, done: FitResult) -> dict[str, Any]:
    """Return the choice of one metric, and the verdict on test."""
    return {
        "metric": metric,
        "choice": done.choice,
        "reason": done.reason,
        "verdict": done.verdict.model_dump(mode="json"),
        "test": {name: quality.model_dump() for name, quality in done.test.items()},
    }


def render(result: dict[str, Any]) -> str:
    """Return the files as a table, and what was chosen by each metric."""
    lines = [_HEADER, "|" + "---|" * (_HEADER.count("|") - 1), *map(_line, result["rows"]), ""]
    return "\n".join([*lines, *map(_sentence, result["test"]), "", footer(result)])


def _line(row: dict[str, Any]) -> str:
    if row["failed"]:
        return f"| {row['system']} | failed: {row['failed']} " + "| " * (_HEADER.count("|") - 3) + "|"
    scores = [_with_interval(row["scores"][metric]) for metric in ANSWER_METRICS]
    cells = [
        row["system"],
        *scores,
        show_size(row["size_bytes"]),
        *_speed(row["latency"]),
    ]
    return "| " + " | ".join(cells) + " |"


def _speed(latency: dict[str, Any] | None) -> tuple[str, str]:
    """Return tokens a second and milliseconds to the first; nothing where a file wrote one token or none."""
    if latency is None:
        return "", ""
    return f"{1 / latency['engine_p50_s']:.0f}", f"{latency['first_token_s'] * 1e3:.0f} ms"


def _sentence(judged: dict[str, Any]) -> str:
    verdict = judged["verdict"]
    scores = ", ".join(f"{name} {_with_interval(found)}" for name, found in judged["test"].items())
    low, high = verdict["drop_ci"]["low"], verdict["drop_ci"]["high"]
    return (
        f"- By {judged['metric']} the choice is *{judged['choice']}*. On test (n = {verdict['n']}): {scores}; drop "
        f"{verdict['drop']:+.4f} [{low:+.4f}, {high:+.4f}], {verdict['word']}, P {verdict['probability']:.2f}"
    )


def _with_interval(quality: dict[str, Any]) -> str:
    return f"{quality['value']:.3f} [{quality['ci']['low']:.3f}, {quality['ci']['high']:.3f}]"


if __name__ == "__main__":
    sys.exit(main())
