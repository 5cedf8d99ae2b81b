"""The same application on Ray Serve: replicas that come and go with the load, on one machine or on many (extra `ray`).

Each replica loads the bundles from their paths, which every machine must have, and answers as `penjing serve` does; its
limits and figures are its own. Source: Ray documentation, "Serve: autoscaling" and "Set up FastAPI and HTTP".
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from penjing.errors import EngineError, MissingExtraError, TaskError
from penjing.serve.app import create_app
from penjing.serve.keys import Keys
from penjing.serve.life import Life
from penjing.serve.metrics import Metrics
from penjing.serve.reload import Opening, Reloader
from penjing.serve.run import Address, local_names
from penjing.serve.services import Services, named_sources
from penjing.serve.settings import Limits

NAME = "penjing"
_HEALTH_S, _AT_ONCE = 5.0, 256


@dataclass(frozen=True)
class Scale:
    """How many replicas, and when there are more."""

    least: int = 1
    most: int = 1
    busy: int = 16
    """Requests in flight that each replica is meant to have: with more, others are started."""


@dataclass(frozen=True)
class Wanted:
    """What every replica serves."""

    bundles: tuple[str, ...]
    threads: int
    context: int | None
    keys: Path | None
    limits: Limits
    hosts: frozenset[str] | None = None
    """The names by which a server without keys may be called; any, where there are none."""


class Replica:
    """One copy of the application, in a process that Ray starts, watches and ends."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._services = Services(Life(), Metrics(), wanted.limits)

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Return the application; Ray sends it requests once its models are loaded."""
        wanted, services = self._wanted, self._services
        keys = None if wanted.keys is None else Keys(wanted.keys)
        app = create_app(services, keys=keys, hosts=wanted.hosts)

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            opening = Opening(lambda: named_sources(wanted.bundles), wanted.threads, wanted.context)
            reloader = Reloader(services, opening)  # at its start alone: one replica is not to be newer than others
            await reloader.load()
            services.life.loaded()
            yield
            services.life.drain()
            await reloader.close()

        app.router.lifespan_context = lifespan
        return app

    def check_health(self) -> None:
        """Raise where an engine is dead: Ray then ends this replica and starts another."""
        if self._services.life.state == "ready" and self._services.problem is not None:
            raise RuntimeError(self._services.problem.code)


def run_on_ray(wanted: Wanted, *, address: Address, scale: Scale) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        EngineError: Ray does not start, or no replica does.
        MissingExtraError: Ray is not installed.
    """
    ended = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: ended.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    serve = deploy(wanted, address=address, scale=scale)
    try:
        ended.wait()
    finally:
        serve.shutdown()


def deploy(wanted: Wanted, *, address: Address, scale: Scale) -> Any:
    """Start the replicas, on the cluster that RAY_ADDRESS names or on this machine; return Ray Serve.

    Raises:
        EngineError: Ray does not start, or no replica does.
        MissingExtraError: Ray is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # no telemetry
    try:
        import ray
        from ray import serve
    except ImportError:
        raise MissingExtraError("ray", extra="ray") from None
    named_sources(wanted.bundles)  # what is wrong with them is said here, not in a replica's log
    wanted = replace(wanted, bundles=tuple(map(_absolute, wanted.bundles)), hosts=local_names(address))
    deployment = serve.deployment(serve.ingress()(Replica)).options(
        name=NAME,
        max_ongoing_requests=_AT_ONCE,
        health_check_period_s=_HEALTH_S,
        graceful_shutdown_timeout_s=wanted.limits.drain_s,
        ray_actor_options={"num_cpus": wanted.threads},
        autoscaling_config={
            "min_replicas": scale.least, "max_replicas": scale.most, "target_ongoing_requests": scale.busy
        },
    )  # fmt: skip
    try:
        if not ray.is_initialized():
            ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False)
        serve.start(http_options={"host": address.host, "port": address.port})
        serve.run(deployment.bind(wanted), name=NAME, route_prefix="/")
    except (RuntimeError, ConnectionError, ValueError, OSError) as error:
        raise EngineError("Ray does not serve the bundles", value=str(error).splitlines()[0]) from error
    return serve


def _absolute(bundle: str) -> str:
    """Return NAME=BUNDLE with the whole path: replicas start in another folder."""
    name, equals, path = bundle.rpartition("=")
    return f"{name}{equals}{Path(path).resolve()}" if Path(path).exists() else bundle


def parse_scale(text: str) -> Scale:
    """Return how many replicas a text asks for.

    >>> parse_scale("1-4"), parse_scale("2")
    (Scale(least=1, most=4, busy=16), Scale(least=2, most=2, busy=16))

    Raises:
        TaskError: it is no number, and no range of numbers from 1 to 1,000.
    """
    parts: Sequence[str] = text.split("-")
    if len(parts) > 2 or not all(part.isdigit() for part in parts):
        raise TaskError("--replicas is no number", value=text, rule="such as 2, or 1-4")
    least, most = int(parts[0]), int(parts[-1])
    if not 1 <= least <= most <= 1000:
        raise TaskError("--replicas is out of its range", value=text, rule="1 to 1,000, the fewest first")
    return Scale(least, most)
