"""A bundle that translates as a measured system: python -m penjing.translation.worker BUNDLE [--threads N]."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from penjing.errors import PenjingError
from penjing.measure.worker import refuse, serve
from penjing.translation.api import make_wish
from penjing.translation.model import Translator
from penjing.translation.references import open_translator


def worker_command(bundle: Path, *, threads: int) -> list[str]:
    """Return the command that measures `bundle`."""
    return [sys.executable, "-m", "penjing.translation.worker", str(bundle), "--threads", str(threads)]


class TranslatorSystem:
    """A translator as `penjing.measure.worker` times it: all is in `run`."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator
        self._wish = make_wish(translator, None, None)

    def encode(self, texts: Sequence[str]) -> Any:
        """Return the texts: they become pieces in `run`."""
        return list(texts)

    def run(self, batch: Any) -> NDArray[np.float32]:
        """Translate a batch; return the lengths of the translations (texts, 1)."""
        found = self._translator.translate(batch, self._wish)
        return np.array([[len(one.text)] for one in found], np.float32)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve the bundle named on the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("--threads", type=int, default=2)
    found = parser.parse_args(arguments)
    try:
        translator = open_translator(found.bundle, threads=found.threads)
    except PenjingError as error:
        refuse(error)
    else:
        serve(TranslatorSystem(translator))


if __name__ == "__main__":
    main()
