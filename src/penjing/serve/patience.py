"""HTTP/1.1 as uvicorn speaks it with httptools, but the head of a request must be short, and whole within a time.

Without that, connections that send a byte now and then hold a place for ever (Slowloris). A body that drips is the
door's affair: by then there is a request that can be answered.
"""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from penjing.serve.settings import Limits

_REFUSAL = "HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_SLOW = _REFUSAL.format("408 Request Timeout").encode()
_TOO_LARGE = _REFUSAL.format("431 Request Header Fields Too Large").encode()
_MOST_HEAD = 32_768  # bytes
_IDLE_S = 75  # between two requests of a connection; clients and proxies give up theirs after 60 s at most


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
    """One connection; its patience ends `head_s` after it was made, or after the first byte of a later request."""

    head_s = 10.0
    _patience: asyncio.TimerHandle | None = None
    _in_head = True
    """Whether the next bytes are of a head."""
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait for the rest of a head, up to a size, and for one that has not begun; end where a body is not wanted."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if not self._in_head:
            if self.cycle.response_complete:
                self.transport.close()
        elif self._head_bytes > _MOST_HEAD:
            self._end(_TOO_LARGE)
        elif self._head_bytes:
            self._wait()

    def on_message_begin(self) -> None:
        """Wait for the rest of the head."""
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        """Wait no more."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Count the next head from here."""
        super().on_message_complete()
        self._in_head, self._head_bytes = True, 0

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(self.head_s, self._end, _TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _end(self, refusal: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(refusal)
            self.transport.close()
