"""A worker without a model: its times are its argument. Standard library only, so that it starts at once.

fake_worker.py SECONDS [MODE [LOG]]: noisy prints before answers, refuses does not load, dies on its third
request, deaf answers nothing after it is ready, short leaves engine_s out; requests for times go to LOG.
"""

from __future__ import annotations

import json
import os
import signal
import sys


def say(values: dict[str, object]) -> None:
    print(json.dumps(values), flush=True)  # noqa: T201


def main() -> None:
    seconds, mode = float(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    if mode == "refuses":
        say({"error": "no such model"})
        return
    if mode == "noisy":
        print("loading weights …", flush=True)  # noqa: T201
    say({"ready": True, "pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"]})
    for number, line in enumerate(sys.stdin):
        if mode == "noisy":
            print("17", flush=True)  # noqa: T201
        if mode == "dies" and number == 2:
            print("out of luck", file=sys.stderr, flush=True)  # noqa: T201
            sys.exit(7)
        if mode == "deaf":
            signal.pause()
        answer(json.loads(line), seconds, mode)


def answer(request: dict[str, object], seconds: float, mode: str) -> None:
    if request["op"] == "stop":
        sys.exit()
    if request["op"] == "memory":
        return say({"peak_bytes": 1000})
    if request["op"] != "time":
        return say({"error": f"cannot {request['op']}"})
    if len(sys.argv) > 3:
        texts = request["texts"]
        assert isinstance(texts, list)
        with open(sys.argv[3], "a", encoding="utf-8") as log:
            log.write(json.dumps([sys.argv[1], texts, request["batch_size"]]) + "\n")
    batches = -(-len(request["texts"]) // request["batch_size"])  # type: ignore[arg-type, operator]
    times = {"total_s": [seconds] * batches, "engine_s": [seconds / 2] * batches}
    if mode == "short":
        del times["engine_s"]
    return say({**times})


if __name__ == "__main__":
    main()
