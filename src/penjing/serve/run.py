"""The server as a process: listens first, loads then, and ends in good order when it is asked to."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import FrameType

import uvicorn
from fastapi import FastAPI

from penjing.errors import EngineError, PenjingError
from penjing.serve.app import create_app
from penjing.serve.keys import Keys
from penjing.serve.life import Life
from penjing.serve.metrics import Metrics
from penjing.serve.patience import server_config
from penjing.serve.reload import Opening, Reloader
from penjing.serve.services import Services
from penjing.serve.settings import Limits

_BACKLOG = 2048
log = logging.getLogger("penjing.serve")


@dataclass(frozen=True)
class Address:
    """Where to listen."""

    host: str = "127.0.0.1"
    port: int = 8000


def run_server(
    opening: Opening,
    *,
    address: Address,
    keys: Keys | None,
    limits: Limits,
    drain_delay_s: float = 0.0,
    loaded: Callable[[int], None] = lambda port: None,
) -> None:
    """Serve what `opening` finds until SIGTERM or Ctrl-C; what is in flight then has `limits.drain_s` to end.

    `loaded` is called with the port when every model is ready. At SIGHUP all are loaded again.

    Raises:
        PenjingError: a bundle cannot be served, or the address is taken.
    """
    listening = _listen(address)
    port = int(listening.getsockname()[1])
    services = Services(Life(), Metrics(), limits)
    app = create_app(services, keys=keys, hosts=local_names(address))
    problem: list[Exception] = []

    async def load(reloader: Reloader) -> None:
        try:
            await reloader.load()
        except Exception as error:  # whatever it is, a server without its models must end
            log.error("a model cannot be loaded", exc_info=None if isinstance(error, PenjingError) else error)
            services.life.fail(str(error))
            problem.append(error)
            server.should_exit = True
        else:
            services.life.loaded()
            if services.life.state == "ready":
                loaded(port)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        reloader = app.state.reloader = Reloader(services, opening)
        task = asyncio.create_task(load(reloader))
        reloads: set[asyncio.Task[dict[str, str]]] = set()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: reloads.add(asyncio.create_task(reloader.reload())))
        yield
        await asyncio.gather(task, *reloads, return_exceptions=True)
        await reloader.close()

    app.router.lifespan_context = lifespan
    server = _Server(services, drain_delay_s=drain_delay_s, app=app, limits=limits)
    server.run(sockets=[listening])
    if problem:
        raise problem[0]


def local_names(address: Address) -> frozenset[str] | None:
    """Return the names by which a server without keys may be called; None where it listens for other machines."""
    local = {"localhost", "127.0.0.1", "::1"}
    return frozenset(local | {address.host}) if address.host in local or address.host.startswith("127.") else None


def _listen(address: Address) -> socket.socket:
    """Return a listening socket; asyncio sends small replies at once only where its protocol is said to be TCP."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((address.host, address.port))
        found.listen(_BACKLOG)
    except OSError as error:
        found.close()
        raise EngineError(
            "the server cannot listen", value=f"{address.host}:{address.port}", rule=error.strerror or str(error)
        ) from None
    return found


class _Server(uvicorn.Server):
    """uvicorn, with the order of an end turned round: first no more work is taken, then the sockets close."""

    def __init__(self, services: Services, *, drain_delay_s: float, app: FastAPI, limits: Limits) -> None:
        super().__init__(server_config(app, limits))
        self._services, self._drain_delay_s = services, drain_delay_s

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal, end at once at the second."""
        if self._services.life.state == "draining" or sig not in (signal.SIGTERM, signal.SIGINT):
            self._services.kill()
            os._exit(128 + sig)  # a model that is loading cannot be waited for
        self._services.life.drain()
        log.warning("ending: what is in flight may finish; a second signal ends it now")
        if self._drain_delay_s:
            asyncio.get_running_loop().call_later(self._drain_delay_s, self._end)
        else:
            self._end()

    def _end(self) -> None:
        self.should_exit = True
