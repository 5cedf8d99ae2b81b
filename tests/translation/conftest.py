"""One run of `fit` on the toy corpus, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from penjing.search.fit import FitResult, fit
from penjing.spec import read_task
from tests.translation.toy import write_toy_task


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    """What `fit` handed back."""
    folder = tmp_path_factory.mktemp("toy")
    return fit(read_task(write_toy_task(folder)), output=folder / "run")


@pytest.fixture(scope="session")
def toy_bundle(toy_run: FitResult) -> Path:
    """Its bundle."""
    return toy_run.bundle
