"""Bundles read again while the server runs: a new one takes over once loaded and checked, or the old one stays."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from penjing.errors import PenjingError
from penjing.serve.problems import unavailable
from penjing.serve.services import Service, Services, Source, open_service

log = logging.getLogger("penjing.serve")
_LOOK_S = 0.05

Find = Callable[[], Mapping[str, Source]]
"""Reads again what is to be served."""


@dataclass(frozen=True)
class Opening:
    """How models are opened."""

    find: Find
    threads: int
    context: int | None


class Reloader:
    """Loads what is to be served, at the start and again when it is asked to."""

    def __init__(self, services: Services, opening: Opening) -> None:
        self._services, self._opening = services, opening
        self._turn = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """Load every model.

        Raises:
            PenjingError: one of them cannot be served.
        """
        async with self._turn:
            for name, source in self._opening.find().items():
                self._services.swap(await self._opened(name, source))

    async def reload(self) -> dict[str, str]:
        """Load every model again; return for each "reloaded", or why the old one was kept.

        Raises:
            Problem: the server is not ready, or models are being loaded already.
        """
        if self._services.life.problem is not None:
            raise self._services.life.problem
        if self._turn.locked():
            raise unavailable("loading", "The models are being loaded already.")
        async with self._turn:
            try:
                sources = await asyncio.to_thread(self._opening.find)
            except PenjingError as error:
                return {service.name: f"kept: {error}" for service in self._services}
            found = {}
            for name, source in sources.items():
                try:
                    fresh = await self._opened(name, source)
                except PenjingError as error:
                    found[name] = f"kept: {error}"
                    log.error("%s was not reloaded: %s", name, error)
                    continue
                found[name] = "reloaded"
                log.info("%s was reloaded", name)
                if old := self._services.swap(fresh):
                    task = asyncio.create_task(self._retire(old))
                    self._retiring.add(task)
                    task.add_done_callback(self._retiring.discard)
            return found

    async def close(self) -> None:
        """End everything."""
        await asyncio.gather(*self._retiring)
        await asyncio.to_thread(self._services.close)

    async def _opened(self, name: str, source: Source) -> Service:
        return await asyncio.to_thread(
            open_service,
            name,
            source,
            threads=self._opening.threads,
            context=self._opening.context,
            limits=self._services.limits,
            metrics=self._services.metrics,
        )

    async def _retire(self, old: Service) -> None:
        """Close a model once nobody waits for it, or when that takes too long."""
        try:
            async with asyncio.timeout(self._services.limits.drain_s):
                while not old.idle:
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            log.warning("what was in flight in the old %s was ended", old.name)
        await asyncio.to_thread(old.close)
