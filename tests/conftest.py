"""Bundles that several folders of tests use; read-only, made once. No test may reach the network."""

from __future__ import annotations

import os
import runpy
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from penjing.search.fit import FitResult, fit
from penjing.task_file import read_task
from tests.generation.fake_openai import fake_openai
from tests.small import golden_bundle, linear_bundle
from tests.translation.toy import write_toy_task

GOLDEN_TEXTS = ["good film", "bad", "很 好 🎉", "a film that is not bad", "good " * 40]


NO_NETWORK = Path(__file__).parent / "no_network"

runpy.run_path(str(NO_NETWORK / "sitecustomize.py"))
os.environ["PYTHONPATH"] = str(NO_NETWORK)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Tiny models are slower on several threads."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token bundle with golden answers."""
    return golden_bundle(tmp_path_factory.mktemp("tokens"), GOLDEN_TEXTS)


@pytest.fixture(scope="session")
def tiny_linear_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A linear bundle."""
    return linear_bundle(tmp_path_factory.mktemp("linear"))


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory: pytest.TempPathFactory) -> FitResult:
    """What `fit` made of the toy corpus of pairs."""
    folder = tmp_path_factory.mktemp("toy")
    return fit(read_task(write_toy_task(folder)), output=folder / "run")


@pytest.fixture(scope="session")
def toy_bundle(toy_run: FitResult) -> Path:
    """A bundle that translates."""
    return toy_run.bundle


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """A server that speaks OpenAI's API, named in the environment as a user names one."""
    with fake_openai() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        yield running
