"""A bundle as a measured system: python -m penjing.bundle.worker BUNDLE [--engine NAME] [--threads N]."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from penjing.bundle.read import load
from penjing.errors import PenjingError
from penjing.measure.worker import refuse, serve


def worker_command(bundle: Path, *, threads: int, engine: str | None = None) -> list[str]:
    """Return the command that measures `bundle`."""
    command = [sys.executable, "-m", "penjing.bundle.worker", str(bundle), "--threads", str(threads)]
    return [*command, "--engine", engine] if engine else command


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the bundle named on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--engine")
    parser.add_argument("--threads", type=int, default=2)
    found = parser.parse_args(arguments)
    try:
        bundle = load(found.bundle, engine=found.engine, threads=found.threads)
    except PenjingError as error:
        refuse(error)
    else:
        serve(bundle)


if __name__ == "__main__":
    main()
