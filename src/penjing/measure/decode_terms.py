"""The two terms of writing a token (estimate/speed), kept until the machine changes."""

from __future__ import annotations

from pathlib import Path

from penjing.measure.machine import keep, kept_file
from penjing.records import DecodeTerms

_NAME = "decode"


def kept_terms(cache: Path) -> DecodeTerms | None:
    """Return the terms that this machine was calibrated to; None where it was not."""
    try:
        return DecodeTerms.model_validate_json(kept_file(cache, _NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def keep_terms(cache: Path, terms: DecodeTerms) -> Path:
    """Keep the terms for this machine; return the file.

    Raises:
        StorageError: the disk is full or not writable.
    """
    return keep(kept_file(cache, _NAME), terms)
