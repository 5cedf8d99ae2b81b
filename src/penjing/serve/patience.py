"""HTTP/1.1 as uvicorn speaks it with httptools, but the head of a request must be short, and whole within a time.

Without that, connections that send a byte now and then hold a place for ever (Slowloris). A body that drips is the
door's affair: by then there is a request that can be answered.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from penjing.serve.settings import Limits

_REFUSAL = "HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_SLOW = _REFUSAL.format("408 Request Timeout").encode()
_TOO_LARGE = _REFUSAL.format("431 Request Header Fields Too Large").encode()
_MOST_HEAD = 32_768  # bytes
_MOST_PIPELINED = 64  # requests of a connection that wait for the answer to one before them
_IDLE_S = 75  # between two requests of a connection: longer than nginx and most load balancers keep theirs (60 s)


def server_config(app: FastAPI, limits: Limits, **more: Any) -> uvicorn.Config:
    """Return how a server listens and waits; `more` are further settings of uvicorn."""
    return uvicorn.Config(
        app,
        http=type("Patient", (PatientProtocol,), {"head_s": limits.receive_s}),
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # no address of a client is looked at
        timeout_graceful_shutdown=round(limits.drain_s),
        timeout_keep_alive=_IDLE_S,
        **more,
    )


class PatientProtocol(HttpToolsProtocol):
    """One connection. While no request of it is being answered, what comes next must be whole within `head_s`.

    uvicorn gives the body of a request to the next one where there is an `Upgrade` header, which is not followed
    here: such a head is read again without it.
    """

    head_s = 10.0
    _patience: asyncio.TimerHandle | None = None
    _in_head = True
    """Whether the next bytes are of a head; else of a body, or of what follows one."""
    _loose_bytes = 0
    """That came since a request or a part of a body ended."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Read on, and refuse heads and trailers that are too long."""
        self._unset_keepalive_if_required()
        self._loose_bytes += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError:
            if self._busy:
                self.transport.close()
            else:
                self.send_400_response("Invalid HTTP request received.")
            return
        if self._loose_bytes > _MOST_HEAD:
            self._end(_TOO_LARGE)
        self._settle()

    def on_message_begin(self) -> None:
        """Note that a head has begun, with the end of what came before it maybe."""
        super().on_message_begin()
        self._loose_bytes += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; those after a body, which nobody has checked, are left out."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin a request, if its head is no longer than it may be."""
        if self.parser.should_upgrade():
            return
        self._in_head = False
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > _MOST_HEAD or len(self.pipeline) >= _MOST_PIPELINED:
            self._end(_TOO_LARGE)
        elif not self.transport.is_closing():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._loose_bytes = 0
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Await the next head."""
        if self.parser.should_upgrade():
            return
        self._in_head, self._loose_bytes = True, 0
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Be patient again."""
        super().on_response_complete()
        self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _feed(self, data: bytes) -> None:
        while True:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as found:
                if self.parser.get_method() == b"CONNECT":
                    raise httptools.HttpParserError("no proxy") from None
                data = self._head_without_upgrade() + data[found.args[0] :]
                self.parser = httptools.HttpRequestParser(self)

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += [b"%b: %b" % pair for pair in self.headers if pair[0] != b"upgrade"]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    @property
    def _busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _settle(self) -> None:
        """Wait where nothing is being answered, and where uvicorn does not wait for a next request itself."""
        if self._busy:
            self._stop_waiting()
        elif not self._in_head or self._loose_bytes or self.timeout_keep_alive_task is None:
            self._wait()
        else:
            self._stop_waiting()

    def _wait(self) -> None:
        if self._patience is None and not self.transport.is_closing():
            self._patience = self.loop.call_later(self.head_s, self._end, _TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _end(self, refusal: bytes) -> None:
        """Close; say why where that cannot be taken for the answer to something else."""
        if self.transport.is_closing():
            return
        if not self._busy and (self._in_head or refusal == _TOO_LARGE):
            self.transport.write(refusal)
        self.transport.close()
