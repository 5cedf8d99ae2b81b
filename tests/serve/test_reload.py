"""Bundles read again: a good one takes over without losing a request, a broken one changes nothing."""

import asyncio
import shutil

import pytest

from penjing.errors import BundleError
from penjing.serve.life import Life
from penjing.serve.metrics import Metrics
from penjing.serve.problems import Problem
from penjing.serve.reload import Opening, Reloader
from penjing.serve.services import Services, named_sources
from penjing.serve.settings import Limits
from tests.small import golden_bundle


@pytest.fixture
def folder(tmp_path, tiny_bundle):
    shutil.copytree(tiny_bundle, tmp_path / "bundle")
    return tmp_path / "bundle"


def reloader_of(folder):
    services = Services(Life(), Metrics(), Limits())
    opening = Opening(lambda: named_sources([f"tiny={folder}"]), threads=1, context=None)
    return services, Reloader(services, opening)


async def label_of(services):
    services.life.loaded()
    found = await services.classifier("tiny").classify(["good"], truncate=False)
    return found[0].value.prediction.label


def test_a_new_bundle_takes_over(folder, tmp_path):
    async def main():
        services, reloader = reloader_of(folder)
        await reloader.load()
        before = await label_of(services)
        old = services.classifier("tiny")
        golden_bundle(tmp_path / "other", ["good", "bad"], outputs={"labels": ("schlecht", "gut")})
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "other" / "bundle", folder)
        done = await reloader.reload()
        after = await label_of(services)
        await reloader.close()
        return before, done, after, old is not services.classifier("tiny"), old

    before, done, after, another, old = asyncio.run(main())
    assert (before, done, after, another) == ("good", {"tiny": "reloaded"}, "gut", True)
    assert not old.healthy  # its thread has ended


@pytest.mark.parametrize("broken", ["model.onnx", "manifest.json"])
def test_a_broken_bundle_leaves_the_old_one_in_place(folder, broken):
    async def main():
        services, reloader = reloader_of(folder)
        await reloader.load()
        services.life.loaded()
        (folder / broken).write_bytes(b"{}")
        done = await reloader.reload()
        label = await label_of(services)
        await reloader.close()
        return done, label

    done, label = asyncio.run(main())
    assert done["tiny"].startswith("kept: ")
    assert label == "good"


def test_at_the_start_a_broken_bundle_is_an_error(folder):
    (folder / "model.onnx").write_bytes(b"x")

    async def main():
        await reloader_of(folder)[1].load()

    with pytest.raises(BundleError, match="has changed"):
        asyncio.run(main())


def test_while_it_loads_or_ends_nothing_is_read_again(folder):
    async def main():
        services, reloader = reloader_of(folder)
        with pytest.raises(Problem, match="loading"):
            await reloader.reload()
        await reloader.load()
        services.life.loaded()
        first, second = await asyncio.gather(reloader.reload(), reloader.reload(), return_exceptions=True)
        assert first == {"tiny": "reloaded"}
        assert isinstance(second, Problem)
        services.life.drain()
        with pytest.raises(Problem, match="ending"):
            await reloader.reload()
        await reloader.close()

    asyncio.run(main())
