"""Load on a server that is told how to behave, and on ours."""

import asyncio
import json
from collections import Counter
from contextlib import suppress

import pytest
from typer.testing import CliRunner

from penjing.cli.main import app
from penjing.errors import EngineError, TaskError
from penjing.measure.http_client import HttpClient
from penjing.measure.load import Asked, Load, knee, limit_of, measure_load
from tests.serve.running import classifier, running, services_of

ASKED = [Asked("/x", b"{}")]


async def answering(reply):
    """Start a server that answers every request with `reply`; return it with its URL."""

    async def talk(reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            if reply is None:
                await asyncio.Event().wait()
            writer.write(reply)
            await writer.drain()

    async def safely(reader, writer):
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(safely, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def load_of(reply, **settings):
    async def main():
        server, url = await answering(reply)
        client = HttpClient(url)
        try:
            return await measure_load(client, ASKED, **{"rate": 200, "seconds": 0.3, "timeout_s": 5} | settings)
        finally:
            await client.close()
            server.close()

    return asyncio.run(main())


def connections(idle_s):
    """Return how many connections a client opens for two requests, one after the other."""
    opened = []

    async def talk(reader, writer):
        opened.append(writer)
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(OK)
        writer.close()

    async def main():
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        client = HttpClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", idle_s=idle_s)
        for _ in range(2):
            assert await client.ask("GET", "/x") == (200, b"{}")
        await client.close()
        server.close()

    asyncio.run(main())
    return len(opened)


@pytest.mark.parametrize(("idle_s", "expected"), [(60.0, 1), (0.0, 2)])
def test_a_connection_that_was_idle_for_long_is_not_used_again(idle_s, expected):
    assert connections(idle_s) == expected


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def test_answers_are_counted_with_their_latency():
    found = load_of(OK)
    assert found.sent == len(found.latencies_s) > 20
    assert 0 < found.percentile_s(50) <= found.percentile_s(95) <= found.percentile_s(99)
    assert found.share_answered == 1.0
    assert abs(found.sent / (200 * 0.3) - 1) < 0.8


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n", "429"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "ValueError"),
        (b"nonsense\r\n\r\n", "ValueError"),
        (None, "timeout"),
    ],
)
def test_what_goes_wrong_is_counted_by_kind(reply, kind):
    found = load_of(reply, seconds=0.1, timeout_s=0.2)
    assert found.sent
    assert set(found.errors) == ({kind} if kind else set())


def test_a_server_that_is_not_there_and_one_that_refuses():
    async def main(reply):
        server, url = await answering(reply)
        client = HttpClient(url)
        try:
            return await client.get("/info")
        finally:
            await client.close()
            server.close()

    with pytest.raises(EngineError, match="refuses"):
        asyncio.run(main(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(EngineError, match="does not answer"):
        asyncio.run(HttpClient("http://127.0.0.1:9").get("/info"))
    with pytest.raises(EngineError, match="not a URL"):
        HttpClient("ftp://x")


def test_the_knee_is_the_highest_rate_that_is_borne():
    calm, brisk = Load(10, 1, [0.01] * 100), Load(50, 1, [0.02] * 100)
    slow, lossy = Load(100, 1, [0.01] * 98 + [0.5] * 2), Load(200, 1, [0.01] * 90, Counter({"429": 10}))
    limit = limit_of(calm)
    assert limit == pytest.approx(0.035)
    assert knee([calm, brisk, slow, lossy], limit_s=limit) is brisk
    assert knee([slow, lossy], limit_s=limit) is None
    assert knee([calm, brisk, slow], limit_s=None) is slow


def test_the_command_measures_our_server(tiny_bundle):
    with running(services_of(classifier(tiny_bundle))) as client:
        asked = ["bench", "--url", client.url, "--rates", "40,80", "--seconds", "0.5"]
        found = CliRunner().invoke(app, [*asked, "--json"])
        assert found.exit_code == 0, found.output
        loads = json.loads(found.stdout)["loads"]
        assert [load["rate"] for load in loads] == [40, 80]
        assert all(load["errors"] == {} and load["p50_s"] > 0 for load in loads)
        shown = CliRunner().invoke(app, asked)
        assert "It bears" in shown.output
        assert "no such model" in str(CliRunner().invoke(app, [*asked, "--model", "x"]).exception)
        assert "no numbers" in str(CliRunner().invoke(app, ["bench", "--url", client.url, "--rates", "x"]).exception)
    assert isinstance(CliRunner().invoke(app, ["bench"]).exception, TaskError)
