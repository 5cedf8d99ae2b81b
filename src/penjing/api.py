"""One function a task: classify_text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import overload

from penjing.bundle.read import Bundle, Prediction, load
from penjing.errors import MissingExtraError

_KEPT_OPEN = 4


@overload
def classify_text(  # type: ignore[overload-overlap]  # a str is a Sequence[str] too: the first match is meant
    text: str, *, model_path: str | Path, engine: str | None = None, threads: int = 2
) -> Prediction: ...


@overload
def classify_text(
    text: Sequence[str], *, model_path: str | Path, engine: str | None = None, threads: int = 2
) -> list[Prediction]: ...


def classify_text(
    text: str | Sequence[str], *, model_path: str | Path, engine: str | None = None, threads: int = 2
) -> Prediction | list[Prediction]:
    """Return label, score and all scores of a text (or of each of several).

        >>> classify_text("great", model_path="runs/reviews/bundle").label     # doctest: +SKIP
        'positive'

    `model_path` is a bundle, or a model reference (a local folder, `hf:org/name`) whose classification head was
    trained: that one is converted to a bundle once, which needs the `train` extra.

    Raises:
        ModelError: the model's classification head was never trained; run `penjing fit` first.
        BundleError: the bundle is missing, damaged or changed.
    """
    bundle = _opened(model_path, engine=engine, threads=threads)
    if isinstance(text, str):
        return bundle.predict([text])[0]
    return bundle.predict(text)


def _opened(model_path: str | Path, *, engine: str | None, threads: int) -> Bundle:
    folder = Path(model_path)
    if not (folder / "manifest.json").is_file():
        folder = _converted(str(model_path))
    changed = (folder / "manifest.json").stat().st_mtime_ns
    return _kept_open(folder.resolve(), changed, engine, threads)


@lru_cache(maxsize=_KEPT_OPEN)
def _kept_open(folder: Path, changed: int, engine: str | None, threads: int) -> Bundle:
    return load(folder, engine=engine, threads=threads)


def _converted(reference: str) -> Path:
    """Return a bundle made of a checkpoint with a trained head."""
    folder = Path(reference)
    if ":" not in reference and not (folder / "config.json").is_file():
        load(folder)  # raises: there is no bundle here
    try:
        from penjing.export.checkpoint import bundle_from_checkpoint
    except ImportError as error:
        raise MissingExtraError(error.name or "torch", extra="train") from error
    return bundle_from_checkpoint(reference)
