"""llama.cpp's own server on a GGUF file, set as this project sets its engine: llamacpp_app.py FILE STREAMS CONTEXT."""

from __future__ import annotations

import sys

import xllamacpp

THREADS = 2


def main() -> None:
    """Serve until the input ends; the first line says where."""
    path, streams, context = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    settings = xllamacpp.CommonParams()
    settings.model.path = path
    settings.n_ctx, settings.n_parallel = context * streams, streams
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = THREADS
    settings.verbosity = 0
    server = xllamacpp.Server(settings)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
