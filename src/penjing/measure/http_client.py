"""A small HTTP/1.1 client for measuring: connections that stay open, and nothing that a measurement would not want."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from penjing.errors import EngineError

_MOST_LINE = 64 * 2**10
_MOST_BODY = 64 * 2**20
IDLE_S = 5.0
"""A connection that was idle for longer is not used again: a server may be closing it."""


class HttpClient:
    """Asks one server; as many connections as there are requests at once.

    Raises:
        EngineError: the URL is no http one.
    """

    def __init__(self, url: str, *, headers: Mapping[str, str] | None = None, idle_s: float = IDLE_S) -> None:
        found = urlsplit(url)
        if found.scheme != "http" or not found.hostname:
            raise EngineError("not a URL that can be measured", value=url, rule="http://HOST:PORT")
        self._host, self._port = found.hostname, found.port or 80
        self._headers = {"Host": found.netloc, **(headers or {})}
        self._idle_s = idle_s
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter, float]] = []

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Return status and body of the reply.

        Raises:
            OSError: the connection failed.
            ValueError: the reply is no HTTP.
        """
        reader, writer = self._fresh() or await self._connected()
        try:
            writer.write(self._head(method, path, len(body)) + body)
            await writer.drain()
            status, headers = await _head_of(reader)
            content = await _body_of(reader, headers)
        except BaseException:
            writer.close()
            raise
        if headers.get("connection", "").lower() == "close":
            writer.close()
        else:
            self._idle.append((reader, writer, time.monotonic()))
        return status, content

    async def get(self, path: str) -> dict[str, Any]:
        """Return a JSON object.

        Raises:
            EngineError: the server cannot be reached, or answers otherwise.
        """
        try:
            status, content = await self.ask("GET", path)
            found = json.loads(content) if status == 200 else None
        except (OSError, ValueError, EOFError) as error:
            where = f"{self._host}:{self._port}"
            raise EngineError("the server does not answer", value=where, rule=str(error)) from None
        if not isinstance(found, dict):
            said = content[:200].decode("utf-8", "replace")
            raise EngineError("the server refuses", value=f"{path}: {status}", rule=said)
        return found

    async def close(self) -> None:
        """Close every connection."""
        for _, writer, _ in self._idle:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        self._idle.clear()

    def _fresh(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Return the connection that was used last, if that was not too long ago; else close them all."""
        if not self._idle:
            return None
        reader, writer, since = self._idle.pop()
        if time.monotonic() - since < self._idle_s and not reader.at_eof():
            return reader, writer
        for _, old, _ in [(reader, writer, since), *self._idle]:
            old.close()
        self._idle.clear()
        return None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._host, self._port, limit=_MOST_LINE)

    def _head(self, method: str, path: str, length: int) -> bytes:
        headers = {**self._headers, "Content-Type": "application/json", "Content-Length": str(length)}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _head_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    _, _, rest = head[0].partition(" ")
    status = int(rest[:3])
    pairs = (line.partition(":") for line in head[1:] if line)
    return status, {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _body_of(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            parts.append(await reader.readexactly(_bounded(size)))
            await reader.readexactly(2)
        await reader.readline()
        return b"".join(parts)
    return await reader.readexactly(_bounded(int(headers.get("content-length", "0"))))


def _bounded(size: int) -> int:
    if not 0 <= size <= _MOST_BODY:
        raise ValueError(f"a body of {size} bytes")
    return size
