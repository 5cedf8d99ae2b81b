"""HTTP/1.1 as uvicorn speaks it, except that the head of a request must be whole within a time.

Without that, connections that send a byte now and then hold a place for ever (Slowloris). A body that drips is the
door's affair: by then there is a request that can be answered.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from penjing.serve.settings import Limits

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
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
        timeout_graceful_shutdown=round(limits.drain_s),
        timeout_keep_alive=_IDLE_S,
        h11_max_incomplete_event_size=_MOST_HEAD,
        **more,
    )


class PatientProtocol(H11Protocol):
    """One connection; its patience ends `head_s` after it was made, or after the first byte of a later request."""

    head_s = 10.0
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on only where the head is not whole."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._patience is None and self.conn.trailing_data[0]:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._patience = self.loop.call_later(self.head_s, self._end)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _end(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_SLOW)
            self.transport.close()
