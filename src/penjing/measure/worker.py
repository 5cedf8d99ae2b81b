"""The measured side: one system in a process of its own, asked in JSON lines on stdin, answering on stdout.

    {"op": "time", "texts": ["…"], "batch_size": 1}   ->  {"total_s": [0.0012, …], "engine_s": [0.0011, …]}
    {"op": "logits", "texts": ["…"]}                  ->  {"logits": [[0.1, -0.2], …]}
    {"op": "memory"}                                  ->  {"peak_bytes": 123456}
    {"op": "stop"}                                    ->  the process ends

A request that fails is answered with {"error": "…"}. Before the first request a worker says {"ready": true},
or {"error": "…"} where it could not load. Lines that are not JSON objects are ignored. Any program that
speaks this can be measured; in Python, `serve(system)` does:

    class Pytorch:
        def encode(self, texts): return tokenizer(texts, padding=True, return_tensors="pt")
        def run(self, batch): return model(**batch).logits.numpy()

    serve(Pytorch())
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from penjing.memory import peak_memory


class System(Protocol):
    """What a worker measures."""

    def encode(self, texts: Sequence[str]) -> Any:
        """Return what `run` takes."""
        ...

    def run(self, batch: Any) -> NDArray[np.float32]:
        """Return logits (texts, labels)."""
        ...


def serve(system: System, *, requests: IO[str] = sys.stdin, answers: IO[str] = sys.stdout) -> None:
    """Answer requests until told to stop or until the input ends.

    What the system prints goes to stderr, so that it cannot be taken for an answer.
    """
    with redirect_stdout(sys.stderr):
        _say(answers, {"ready": True})
        for line in requests:
            request = json.loads(line)
            if request["op"] == "stop":
                return
            try:
                answer = _answer(system, request)
            except Exception as error:  # the parent is told, and decides
                answer = {"error": f"{type(error).__name__}: {error}"}
            _say(answers, answer)


def refuse(error: Exception, *, answers: IO[str] = sys.stdout) -> None:
    """Say, instead of being ready, why the system cannot be measured."""
    _say(answers, {"error": str(error)})


def _say(answers: IO[str], values: dict[str, Any]) -> None:
    answers.write(json.dumps(values) + "\n")
    answers.flush()


def _answer(system: System, request: dict[str, Any]) -> dict[str, Any]:
    match request["op"]:
        case "time":
            return timed(system, request["texts"], batch_size=request["batch_size"])
        case "logits":
            return {"logits": system.run(system.encode(request["texts"])).tolist()}
        case "memory":
            return {"peak_bytes": peak_memory()}
        case unknown:
            return {"error": f"unknown request {unknown!r}"}


def timed(system: System, texts: Sequence[str], *, batch_size: int) -> dict[str, list[float]]:
    """Return seconds a batch: text to answer, and in the engine alone."""
    total, engine = [], []
    for start in range(0, len(texts), batch_size):
        batch = texts[start : start + batch_size]
        began = time.perf_counter()
        encoded = system.encode(batch)
        ready = time.perf_counter()
        system.run(encoded)
        done = time.perf_counter()
        total.append(done - began)
        engine.append(done - ready)
    return {"total_s": total, "engine_s": engine}
