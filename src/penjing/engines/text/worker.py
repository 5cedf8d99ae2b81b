"""A text engine in a process of its own: python -m penjing.engines.text.worker ENGINE FILE --threads N --context N.

Asked in JSON lines on stdin, it answers on stdout: {"ready": true} or {"error": …} first; then for each
{"op": "stream", "request": …} lines of {"chunk": …} and {"usage": …} up to {"done": true} or {"error": …}.
{"op": "cancel"} ends an answer early; {"op": "memory"} is answered with {"peak_bytes": …}.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import closing, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from threading import Event as Flag
from threading import Thread
from typing import IO, Any, Protocol

from penjing.engines.text import open_text_engine
from penjing.engines.text.base import Chunk, TextEngine, TextRequest
from penjing.errors import PenjingError
from penjing.memory import peak_memory

Requests = SimpleQueue[dict[str, Any] | None]


class Opens(Protocol):
    """Opens an engine by its name."""

    def __call__(self, name: str, path: Path, /, *, threads: int, context: int) -> TextEngine:
        """Return the engine, ready."""
        ...


def serve_engine(open_engine: Opens) -> None:
    """Open the engine named on the command line and answer until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("path", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--context", type=int, required=True)
    given = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print, from C++ too, cannot be taken for an answer
    with redirect_stdout(sys.stderr):
        try:
            engine = open_engine(given.engine, given.path, threads=given.threads, context=given.context)
        except PenjingError as error:
            _say(answers, error=_plain(error))
            return
        _say(answers, ready=True)
        _serve(engine, answers)


def _serve(engine: TextEngine, answers: IO[str]) -> None:
    requests, cancelled = Requests(), Flag()
    Thread(target=_listen, args=(requests, cancelled), daemon=True).start()
    while (request := requests.get()) is not None:
        cancelled.clear()
        if request["op"] == "memory":
            _say(answers, peak_bytes=peak_memory())
            continue
        try:
            for values in _events(engine, TextRequest.from_json(request["request"]), cancelled):
                _say(answers, **values)
        except PenjingError as error:
            _say(answers, error=_plain(error))
        else:
            _say(answers, done=True)
    engine.close()


def _listen(requests: Requests, cancelled: Flag) -> None:
    """Hand requests on as they come; a wish to cancel is heard while the engine works."""
    for line in sys.stdin:
        request = json.loads(line)
        if request["op"] == "cancel":
            cancelled.set()
        else:
            requests.put(request)
    cancelled.set()
    requests.put(None)


def _events(engine: TextEngine, request: TextRequest, cancelled: Flag) -> Iterator[dict[str, Any]]:
    with closing(engine.stream(request)) as events:  # type: ignore[type-var]
        for event in events:
            yield {"chunk" if isinstance(event, Chunk) else "usage": asdict(event)}
            if cancelled.is_set():
                return


def _plain(error: PenjingError) -> dict[str, Any]:
    value = None if error.value is None else str(error.value)
    return {"what": error.what, "value": value, "rule": error.rule, "next_step": error.next_step}


def _say(answers: IO[str], **values: Any) -> None:
    answers.write(json.dumps(values) + "\n")
    answers.flush()


if __name__ == "__main__":
    serve_engine(open_text_engine)
