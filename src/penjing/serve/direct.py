"""Routes that are asked often, answered before FastAPI finds its way to them.

FastAPI's search for a route, its dependencies and its writing of the reply were a quarter of what speaking HTTP took
(docs/log.md). Its routes stay what they are: they are documented, and they say what is wrong with a body.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_type_hints

from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penjing.errors import PenjingError
from penjing.serve.problems import invalid, of_error

_JSON = "application/json"


class Direct:
    """Answers those of `routes` that take a body; every other request, and every body that is not right, goes on.

    Their endpoints take `asked` (a model of the body), `request` and `services`, and return a model.
    """

    def __init__(self, app: ASGIApp, *, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._routes = {route.path: (route, get_type_hints(route.endpoint)["asked"]) for route in routes
                        if isinstance(route, APIRoute) and "POST" in (route.methods or ())}  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        found = self._routes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        request, (route, model) = Request(scope, receive), found
        scope["route"] = route
        try:
            body = await request.body()
        except ClientDisconnect:
            raise invalid("The body did not arrive whole.", code="incomplete_body") from None
        asked = _read(request, body, model)
        if asked is None:
            await self._app(scope, _again(body, receive), send)
            return
        try:
            said: BaseModel = await route.endpoint(asked, request, scope["app"].state.services)
        except PenjingError as error:
            raise of_error(error) from error
        await Response(said.model_dump_json(), media_type=_JSON)(scope, receive, send)


def _read(request: Request, body: bytes, model: type[BaseModel]) -> Any:
    """Return the body as its model; None where it is something else."""
    if request.headers.get("content-type") != _JSON:
        return None
    try:
        return model.model_validate_json(body)
    except ValidationError:
        return None


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read once more, and then what comes after it."""
    parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_part() -> Message:
        return parts.pop() if parts else await receive()

    return next_part
