"""ONNX Runtime GenAI as a peer: its builder's int4 of a checkpoint, and its engine in a process of its own.

python -m benchmarks.onnxruntime_genai NAME FOLDER --threads N --context N    # speaks as penjing's own engines do
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from penjing.engines.text.base import Chunk, Event, TextRequest, Usage
from penjing.engines.text.worker import serve_engine
from penjing.export.openvino_surprise import piece_nats
from penjing.measure.bits import Surprise
from penjing.train.windows import Windows

NAME = "onnxruntime-genai"
_BUILDER = "onnxruntime_genai.models.builder"


def build(checkpoint: Path, folder: Path) -> Path:
    """Return the folder with the checkpoint in four bits, as the builder makes it for a CPU."""
    if not (folder / "genai_config.json").is_file():
        command = [sys.executable, "-m", _BUILDER, "-i", str(checkpoint), "-o", str(folder), "-p", "int4", "-e", "cpu"]
        done = subprocess.run(
            [*command, "-c", str(folder.with_name("cache"))], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return folder


def engine_command(folder: Path, *, threads: int, context: int) -> list[str]:
    """Return the command of the process that runs what `build` made."""
    command = [sys.executable, "-m", "benchmarks.onnxruntime_genai", NAME, str(folder)]
    return [*command, "--threads", str(threads), "--context", str(context)]


def surprise(folder: Path, windows: Windows) -> Surprise:
    """Return what the model makes of each passage, by its ONNX file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    nothing = {
        found.name: np.zeros((1, found.shape[1], 0, _head_size(folder)), np.float32)
        for found in session.get_inputs()
        if found.name.startswith("past_key_values.")
    }
    nats = np.zeros(len(windows.n_bytes))
    for row in range(len(windows)):
        ids = windows.tokens.ids[windows.tokens.starts[row] : windows.tokens.starts[row + 1]]
        asked = {"input_ids": ids[None].astype(np.int64), "attention_mask": np.ones((1, len(ids)), np.int64)}
        logits = session.run(["logits"], {**asked, **nothing})[0][0]
        start = int(windows.scored_from[row])
        nats[windows.passage[row]] += piece_nats(logits[start - 1 : -1], ids[start:])
    return Surprise(nats, windows.n_bytes)


def _head_size(folder: Path) -> int:
    config = json.loads((folder / "genai_config.json").read_text(encoding="utf-8"))
    return int(config["model"]["decoder"]["head_size"])


class OnnxRuntimeGenAi:
    """Goes on with a prompt, greedily: all that the benchmark asks."""

    name, parallel = NAME, 1

    def __init__(self, folder: Path, *, threads: int, context: int) -> None:
        import onnxruntime_genai

        self._library, self._context = onnxruntime_genai, context
        config = onnxruntime_genai.Config(str(folder))
        config.overlay(json.dumps({"model": {"decoder": {"session_options": {"intra_op_num_threads": threads}}}}))
        self._model = onnxruntime_genai.Model(config)
        self._tokenizer = onnxruntime_genai.Tokenizer(self._model)

    def stream(self, request: TextRequest) -> Iterator[Event]:
        """Yield the pieces of one answer, and how many tokens it took."""
        ids = self._tokenizer.encode(self._prompt(request))
        settings = self._library.GeneratorParams(self._model)
        most = min(self._context, len(ids) + request.sampling.max_tokens)
        settings.set_search_options(max_length=most, do_sample=False)
        generator = self._library.Generator(self._model, settings)
        generator.append_tokens(ids)
        pieces, count = self._tokenizer.create_stream(), 0
        while not generator.is_done():
            generator.generate_next_token()
            count += 1
            yield Chunk(0, pieces.decode(generator.get_next_tokens()[0]))
        yield Chunk(0, "", "length" if len(ids) + count >= most else "stop")
        yield Usage(len(ids), count)

    def close(self) -> None:
        """Do nothing: the process that holds it ends."""

    def _prompt(self, request: TextRequest) -> str:
        if not request.messages:
            return request.prompt
        messages: list[dict[str, Any]] = [{"role": turn.role, "content": turn.content} for turn in request.messages]
        return str(self._tokenizer.apply_chat_template(json.dumps(messages), add_generation_prompt=True))


def _open(name: str, folder: Path, *, threads: int, context: int, parallel: int) -> OnnxRuntimeGenAi:
    return OnnxRuntimeGenAi(folder, threads=threads, context=context)


if __name__ == "__main__":
    serve_engine(_open)
