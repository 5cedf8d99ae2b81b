"""Opens a bundle: checks every file against its hash, then answers texts, pictures or sounds. Never imports torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from penjing.bundle.manifest import FORMAT, VERSION, Manifest, Outputs
from penjing.engines import Batch, Encoder, Engine, Item, Logits, open_engine
from penjing.engines.mixed import MixedEncoder
from penjing.engines.pixels import Framing, PixelEncoder
from penjing.errors import BundleError, EngineError
from penjing.files import file_sha256
from penjing.measure.calibration import sigmoid, softmax

ABSTAIN = "abstain"
LABELLING = ("classify", "image", "audio", "fused")
"""The kinds of tasks whose bundles `load` opens: they give labels."""
_MOST_MANIFEST_BYTES = 8 * 2**20
_PICKLES = {".pkl", ".pickle", ".pt", ".pth", ".bin", ".ckpt", ".joblib"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer to one text.

    `label` is the most probable label; `labels` are all that apply in a multi-label task; `scores` are the
    calibrated probabilities. Both are "abstain" where the answer (in a multi-label task, the answer on any
    label) is less probable than the bundle's threshold.
    """

    label: str
    score: float
    scores: dict[str, float]
    labels: tuple[str, ...]
    missing: tuple[str, ...] = ()
    """Of a row with several inputs: those that it lacks."""


class Bundle:
    """A model ready to answer; made by `load`."""

    def __init__(self, manifest: Manifest, *, encoder: Encoder, engine: Engine) -> None:
        self.manifest = manifest
        self._encoder = encoder
        self._engine = engine

    @property
    def engine(self) -> str:
        """The name of the engine that runs it."""
        return self._engine.name

    @property
    def encoder(self) -> Encoder:
        """What turns inputs into the engine's arrays."""
        return self._encoder

    @property
    def framing(self) -> Framing | None:
        """How files become pixels; None where the bundle is for texts."""
        return self._encoder.framing if isinstance(self._encoder, PixelEncoder) else None

    def encode(self, inputs: Sequence[Any]) -> Batch:
        """Return the engine's input for one batch of texts, or of pictures or sounds: files, their bytes, or pixels."""
        return self._encoder.encode(inputs)

    def run(self, batch: Batch) -> Logits:
        """Return the logits (texts, labels) of one encoded batch."""
        return self._engine.run(batch)

    def prepare(self, inputs: Sequence[Any]) -> list[Item]:
        """Return each text or picture encoded by itself."""
        return self._encoder.prepare(inputs)

    def answer(self, items: Sequence[Item]) -> list[Prediction]:
        """Return one prediction for each of `items`, run as one batch.

        Raises:
            EngineError: the engine failed, or what it says are no numbers.
        """
        logits = self.run(self._encoder.collate(items))
        if not np.isfinite(logits).all():
            raise EngineError("the engine's answers are no numbers", value="NaN or infinity")
        return [
            self._with_missing(found, item)
            for found, item in zip(predictions(logits, self.manifest.outputs), items, strict=True)
        ]

    def _with_missing(self, found: Prediction, item: Item) -> Prediction:
        """Return the prediction with the inputs that its row lacks."""
        if isinstance(self._encoder, MixedEncoder):
            return replace(found, missing=self._encoder.missing(item.values))
        return found

    def interrupt(self) -> bool:
        """Make the batch that is running end with an error; return whether the engine can do that."""
        stop = getattr(self._engine, "interrupt", None)
        if stop is not None:
            stop()
        return stop is not None

    def logits(
        self,
        inputs: Sequence[Any],
        *,
        batch_size: int = 8,
        progress: Callable[[int], None] = lambda done: None,
    ) -> Logits:
        """Return logits (inputs, labels), batched by length, in the order of `inputs`."""
        result = np.zeros((len(inputs), len(self.manifest.outputs.labels)), np.float32)
        order = np.argsort(self._encoder.lengths(inputs), kind="stable")
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            result[rows] = self.run(self.encode([inputs[row] for row in rows]))
            progress(start + len(rows))
        return result

    def predict(self, inputs: Sequence[Any], *, batch_size: int = 8) -> list[Prediction]:
        """Return one prediction a text or picture."""
        if isinstance(self._encoder, MixedEncoder):
            items = self.prepare(inputs)
            return [
                found
                for start in range(0, len(items), batch_size)
                for found in self.answer(items[start : start + batch_size])
            ]
        return predictions(self.logits(inputs, batch_size=batch_size), self.manifest.outputs)

    def stream(
        self, texts: Iterable[str], *, batch_size: int = 8, window: int = 1024
    ) -> Iterator[tuple[str, Prediction]]:
        """Yield each text with its prediction, in order, holding no more than `window` texts at a time."""
        remaining = iter(texts)
        while chunk := list(islice(remaining, window)):
            yield from zip(chunk, self.predict(chunk, batch_size=batch_size), strict=True)


def load(path: str | Path, *, engine: str | None = None, threads: int = 2) -> Bundle:
    """Return the bundle at `path`, its files verified, run by its own engine or the one named.

    Raises:
        BundleError: it is missing, incomplete, changed, or written by a newer penjing.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    if manifest.kind not in LABELLING:
        raise BundleError(
            f"this bundle is made to {manifest.kind}",
            value=str(folder),
            rule="a classifier",
            next_step=f"Run: penjing {manifest.kind} {folder}",
        )
    check_files(folder, manifest)
    name = engine or manifest.engine
    if (name == "linear") != (manifest.engine == "linear"):
        raise BundleError("this engine cannot run this bundle", value=name, rule=f"made for {manifest.engine}")
    opened = open_engine(name, folder / manifest.model, threads=threads)
    return Bundle(manifest, encoder=_encoder(folder, manifest), engine=opened)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the bundle at `folder`, without opening the model."""
    path = folder / "manifest.json"
    if not path.is_file():
        raise BundleError(
            "no bundle here",
            value=str(folder),
            rule="a folder with manifest.json",
            next_step="Make one: penjing fit",
        )
    if path.stat().st_size > _MOST_MANIFEST_BYTES:
        raise BundleError("the manifest is too large", value=f"{path.stat().st_size} bytes", rule="at most 8 MiB")
    try:
        return Manifest.model_validate_json(_known_version(path.read_bytes()))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "JSON"
        raise BundleError(
            f"{path} is damaged at {where}", value=first["msg"], next_step="Make the bundle again"
        ) from None


def _known_version(text: bytes) -> bytes:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return text  # pydantic says what is wrong with it
    version = values.get("version") if isinstance(values, dict) and values.get("format") == FORMAT else None
    if isinstance(version, int) and version > VERSION:
        raise BundleError(
            "this bundle was written by a newer penjing",
            value=f"version {version}",
            rule=f"up to version {VERSION}",
            next_step="Run: pip install --upgrade penjing",
        )
    return text


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raise BundleError unless every file the manifest names is there, unchanged, inside the folder, and plain."""
    for name, entry in manifest.files.items():
        path = folder / name
        if Path(name).name != name or name in {"", ".", ".."} or path.is_symlink():
            raise BundleError(
                "unsafe file name in the manifest", value=name, rule="a plain name in the bundle's folder"
            )
        if path.suffix.lower() in _PICKLES:
            raise BundleError("a bundle holds no pickles", value=name, next_step="Make the bundle again")
        if not path.is_file():
            raise BundleError("a file of the bundle is missing", value=name, next_step="Copy the whole folder again")
        found = file_sha256(path)
        if found != entry.sha256:
            raise BundleError(
                f"{name} has changed since the bundle was made",
                value=f"SHA-256 {found[:12]}…",
                rule=f"{entry.sha256[:12]}…",
                next_step="Copy the bundle again, or make it again with penjing fit",
            )
    needed = {manifest.model}
    if manifest.input.get("type") == "tokens":
        needed.add(str(manifest.input.get("tokenizer")))
    if missing := needed - manifest.files.keys():
        raise BundleError("the manifest does not list a file it needs", value=", ".join(sorted(missing)))


def _encoder(folder: Path, manifest: Manifest) -> Encoder:
    from penjing.engines.mixed import MIXED_TYPE
    from penjing.engines.mixed_inputs import inputs_of
    from penjing.engines.ngrams import NgramEncoder
    from penjing.engines.tokens import TokenEncoder
    from penjing.pictures.frame import FRAME_TYPE, Frame
    from penjing.sounds.spectrogram import SPECTROGRAM_TYPE, Spectrogram

    settings: dict[str, Any] = manifest.input
    try:
        if settings["type"] == "tokens":
            return TokenEncoder.from_settings(settings, folder)
        if settings["type"] == "ngrams":
            return NgramEncoder.from_settings(settings)
        pixels = {name: value for name, value in settings.items() if name != "type"}
        if settings["type"] == FRAME_TYPE:
            return PixelEncoder(Frame.model_validate(pixels))
        if settings["type"] == MIXED_TYPE:
            return MixedEncoder(inputs_of(settings["inputs"]))
        if settings["type"] == SPECTROGRAM_TYPE:
            return PixelEncoder(Spectrogram.model_validate(pixels))
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError("the manifest's `input` is damaged", value=str(error)) from None
    raise BundleError(
        "unknown kind of input", value=settings["type"], rule="tokens, ngrams, pixels, spectrogram or mixed"
    )


def probabilities(logits: NDArray[Any], outputs: Outputs) -> NDArray[Any]:
    """Return the calibrated probabilities of logits (texts, labels)."""
    scaled = logits.astype(np.float64) / outputs.temperature
    return sigmoid(scaled) if outputs.multi_label else softmax(scaled)


def predictions(logits: NDArray[np.float32], outputs: Outputs) -> list[Prediction]:
    """Return what each row of logits says."""
    return [_prediction(row, outputs) for row in probabilities(logits, outputs).tolist()]


def _prediction(found: list[float], outputs: Outputs) -> Prediction:
    """Return what the probabilities of one row's labels say."""
    best = max(range(len(found)), key=found.__getitem__)
    certainty = min(max(p, 1 - p) for p in found) if outputs.multi_label else found[best]
    sure = outputs.abstain_below is None or certainty >= outputs.abstain_below
    label = outputs.labels[best] if sure else ABSTAIN
    applying = tuple(name for name, p in zip(outputs.labels, found, strict=True) if p >= 0.5)
    return Prediction(
        label=label,
        score=found[best],
        scores=dict(zip(outputs.labels, found, strict=True)),
        labels=applying if outputs.multi_label and sure else (label,),
    )
