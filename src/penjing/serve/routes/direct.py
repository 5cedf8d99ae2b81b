"""Routes that are asked often: a body that is as it should be is read and answered without FastAPI's way through it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError

_JSON = "application/json"


class DirectRoute(APIRoute):
    """A route whose endpoint takes `asked` (a model of the body), `request` and `services`, and returns a model.

    Any other body goes FastAPI's way, which says what is wrong with it. Half of what a request cost on one core was
    that way (docs/log.md).
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        usual, endpoint = super().get_route_handler(), self.endpoint
        model = get_type_hints(endpoint)["asked"]

        async def answer(request: Request) -> Response:
            if request.headers.get("content-type") != _JSON:
                return await usual(request)
            try:
                asked = model.model_validate_json(await request.body())
            except ValidationError:
                return await usual(request)
            found = await endpoint(asked, request, request.app.state.services)
            return Response(found.model_dump_json(), media_type=_JSON)

        return answer
