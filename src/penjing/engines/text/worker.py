"""A text engine in a process of its own: python -m penjing.engines.text.worker ENGINE FILE --threads N --context N.

Asked in JSON lines on stdin, it answers on stdout: {"ready": true} or {"error": …} first; then for each
{"op": "stream", "request": …} lines of {"chunk": …} and {"usage": …} up to {"done": true} or {"error": …}.
{"op": "cancel"} ends an answer early; {"op": "memory"} is answered with {"peak_bytes": …}. A request may have an "id",
which all its answers then have: several are answered at once, as many as the engine takes, and the others wait.
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
from threading import Event as Flag
from threading import Lock, Semaphore, Thread
from typing import IO, Any, Protocol

from penjing.engines.text import open_text_engine
from penjing.engines.text.base import Chunk, TextEngine, TextRequest
from penjing.errors import PenjingError
from penjing.memory import peak_memory


class Opens(Protocol):
    """Opens an engine by its name."""

    def __call__(self, name: str, path: Path, /, *, threads: int, context: int, parallel: int) -> TextEngine:
        """Return the engine, ready."""
        ...


def serve_engine(open_engine: Opens) -> None:
    """Open the engine named on the command line and answer until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("engine")
    parser.add_argument("path", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--context", type=int, required=True)
    parser.add_argument("--parallel", type=int, default=1)
    given = parser.parse_args()
    say = _Speaker(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # what libraries print, from C++ too, cannot be taken for an answer
    with redirect_stdout(sys.stderr):
        try:
            engine = open_engine(
                given.engine, given.path, threads=given.threads, context=given.context, parallel=given.parallel
            )
        except PenjingError as error:
            say(error=_plain(error))
            return
        say(ready=True)
        _serve(engine, say)


class _Speaker:
    """Writes answers, one line at a time, from whichever thread has one."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream, self._lock = stream, Lock()

    def __call__(self, **values: Any) -> None:
        with self._lock:
            self._stream.write(json.dumps(values) + "\n")
            self._stream.flush()


def _serve(engine: TextEngine, say: _Speaker) -> None:
    """Answer until the input ends; what is being answered then is cancelled."""
    turns, running = Semaphore(engine.parallel), dict[Any, tuple[Flag, Thread]]()
    for line in sys.stdin:
        asked = json.loads(line)
        key = asked.get("id")
        if asked["op"] == "memory":
            say(peak_bytes=peak_memory())
        elif asked["op"] == "cancel":
            if key in running:
                running[key][0].set()
        else:
            cancelled = Flag()
            request = TextRequest.from_json(asked["request"])
            named = {} if key is None else {"id": key}
            thread = Thread(target=_answer, args=(engine, request, turns, cancelled, say, named), daemon=True)
            running = {key: found for key, found in running.items() if found[1].is_alive()}
            running[key] = (cancelled, thread)
            thread.start()
    for cancelled, _ in running.values():
        cancelled.set()
    for _, thread in running.values():
        thread.join()
    engine.close()


def _answer(
    engine: TextEngine, request: TextRequest, turns: Semaphore, cancelled: Flag, say: _Speaker, named: dict[str, Any]
) -> None:
    try:
        with turns:
            for values in _events(engine, request, cancelled):
                say(**named, **values)
    except PenjingError as error:
        say(**named, error=_plain(error))
    except Exception as error:  # an answer that fails in another way must end too
        say(**named, error={"what": "the engine failed", "value": f"{type(error).__name__}: {error}"})
    else:
        say(**named, done=True)


def _events(engine: TextEngine, request: TextRequest, cancelled: Flag) -> Iterator[dict[str, Any]]:
    if cancelled.is_set():
        return
    with closing(engine.stream(request)) as events:  # type: ignore[type-var]
        for event in events:
            yield {"chunk" if isinstance(event, Chunk) else "usage": asdict(event)}
            if cancelled.is_set():
                return


def _plain(error: PenjingError) -> dict[str, Any]:
    value = None if error.value is None else str(error.value)
    return {"what": error.what, "value": value, "rule": error.rule, "next_step": error.next_step}


if __name__ == "__main__":
    serve_engine(open_text_engine)
