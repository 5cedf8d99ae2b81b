"""llama.cpp's own server on a GGUF file, set as this project sets its engine: llamacpp_app.py FILE STREAMS CONTEXT."""

from __future__ import annotations

import sys
from pathlib import Path

import xllamacpp

from penjing.engines.text.llamacpp import settings_of

THREADS = 2


def main() -> None:
    """Serve until the input ends; the first line says where."""
    path, streams, context = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    server = xllamacpp.Server(settings_of(path, threads=THREADS, context=context, parallel=streams))
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
