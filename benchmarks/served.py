"""This project's server as a process, for as long as it is measured."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_READY_S = 60.0


@contextmanager
def serving(model: str | Path, *options: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Yield the process once it is ready, with its log thrown away; it is told to end, and waited for."""
    command = [sys.executable, "-m", "penjing", "serve", str(model), *options, "--port", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait(server, port)
        yield server
    finally:
        server.terminate()
        server.wait(_READY_S)


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the server does not answer")
