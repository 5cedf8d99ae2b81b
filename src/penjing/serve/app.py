"""The application: routes behind the door, every error in one envelope."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from penjing._version import __version__
from penjing.errors import PenjingError
from penjing.serve.direct import Direct
from penjing.serve.keys import Keys
from penjing.serve.middleware import Door
from penjing.serve.problems import Envelope, Problem, invalid, of_error
from penjing.serve.routes import (
    classify,
    fused,
    inference_protocol,
    learn,
    openai,
    operations,
    transcriptions,
    translate,
)
from penjing.serve.routes import files as file_routes
from penjing.serve.services import Services

_PAGES = {"/": "page.html", "/learn": "learn.html"}
_SCRIPTS = ("page.css", "page.js", "sound.js", "learn.js")
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript"}


def create_app(services: Services, *, keys: Keys | None = None, hosts: frozenset[str] | None = None) -> FastAPI:
    """Return the application that serves `services`; with `keys` only to those who have one.

    Without keys it may be called by the names `hosts` alone, where there are any.
    """
    app = FastAPI(
        title="penjing",
        version=__version__,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # figures are at /metrics
        swagger_ui_oauth2_redirect_url=None,
        responses={"default": {"model": Envelope, "description": "What is wrong, in OpenAI's envelope"}},
    )
    app.state.services = services
    for routes in (
        openai,
        classify,
        file_routes,
        fused,
        transcriptions,
        translate,
        learn,
        inference_protocol,
        operations,
    ):
        app.include_router(routes.router)
    _add_page(app)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(PenjingError, _error)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(Direct, routes=classify.router.routes)
    app.add_middleware(Door, keys=keys, hosts=hosts, limits=services.limits, metrics=services.metrics)
    return app


def _add_page(app: FastAPI) -> None:
    folder = files("penjing.serve") / "page"

    def route(path: str, name: str) -> None:
        text = (folder / name).read_text(encoding="utf-8")

        @app.get(path, include_in_schema=False)
        async def page() -> Response:
            kind = _TYPES[name.rpartition(".")[2]]
            return Response(text, media_type=f"{kind}; charset=utf-8", headers={"Cache-Control": "no-cache"})

    for path, name in {**_PAGES, **{f"/{name}": name for name in _SCRIPTS}}.items():
        route(path, name)


def _reply(request: Request, problem: Problem) -> Response:
    request.scope["penjing"].code = problem.code
    return JSONResponse(problem.body, problem.status, headers=problem.headers)


def _problem(request: Request, error: Any) -> Response:
    return _reply(request, error)


def _error(request: Request, error: Any) -> Response:
    return _reply(request, of_error(error))


def _validation(request: Request, error: Any) -> Response:
    """Say the first thing that is wrong with a body, and where."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or None
    if first["type"] == "json_invalid":
        return _reply(request, invalid("The body is not JSON.", code="invalid_json"))
    return _reply(request, invalid(f"`{where or 'body'}`: {first['msg']}.", param=where))


def _http(request: Request, error: Any) -> Response:
    codes = {404: "not_found", 405: "method_not_allowed"}
    message = {404: "There is no such route. See /docs."}.get(error.status_code, str(error.detail))
    code = codes.get(error.status_code, "http_error")
    reply = _reply(request, Problem(error.status_code, "invalid_request_error", code, message))
    reply.headers.update(error.headers or {})
    return reply
