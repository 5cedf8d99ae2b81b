"""What every request passes on its way in and out: its id, its key, its size and time, its line in the log."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import time
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from penjing.serve.keys import Keys
from penjing.serve.metrics import Metrics
from penjing.serve.problems import Problem, failed
from penjing.serve.routes.seen import Seen
from penjing.serve.settings import Limits

log = logging.getLogger("penjing.serve")

FILES = ("/v1/images/classify", "/v1/audio/classify", "/v1/audio/transcriptions", "/v1/fused/classify")
PUBLIC = (
    "/",
    "/health/live",
    "/health/ready",
    "/v2/health/live",
    "/v2/health/ready",
    "/page.css",
    "/page.js",
    "/sound.js",
    "/learn",
    "/learn.js",
)
"""What is answered without a key: probes, and a page that asks for one."""
_UNMEASURED = ("/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready", "/metrics")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_POLICY = (
    b"content-security-policy",
    b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    b"media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)


class Door:
    """Lets requests in and sees them out: the outermost layer of the server."""

    def __init__(
        self, app: ASGIApp, *, keys: Keys | None, hosts: frozenset[str] | None, limits: Limits, metrics: Metrics
    ) -> None:
        self._app, self._keys, self._limits, self._metrics = app, keys, limits, metrics
        self._hosts = hosts if keys is None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, receive, send, self._limits)
        self._metrics.running.inc()
        try:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            self._check_origin(scope["method"], headers)
            self._check_key(scope["path"], headers, visit.seen)
            self._check_size(scope)
            await self._app(scope, visit.receive, visit.send)
        except Problem as problem:
            await visit.refuse(problem)
        except Exception:
            log.exception("request %s failed", visit.id)
            await visit.refuse(failed(f"The server failed on request {visit.id}."))
        finally:
            self._metrics.running.dec()
            self._note(visit)

    def _check_origin(self, method: str, headers: Mapping[str, str]) -> None:
        """Refuse what a page of another site sends, and names that were made to point here."""
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        origin = headers.get("origin")
        foreign = headers.get("sec-fetch-site") == "cross-site" and method not in ("GET", "HEAD")
        foreign = foreign or (origin is not None and urlsplit(origin).netloc != headers.get("host"))
        if foreign or (self._hosts is not None and host not in self._hosts):
            message = "Pages of other sites, and other names of this machine, may not ask here."
            raise Problem(403, "permission_error", "foreign_origin", message)

    def _check_key(self, path: str, headers: Mapping[str, str], seen: Seen) -> None:
        if self._keys is None or path in PUBLIC:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        name = self._keys.name_of(given) if given else None
        if name is None:
            message = "Send a valid key: Authorization: Bearer KEY."
            raise Problem(401, "authentication_error", "invalid_api_key", message)
        seen.key = name

    def _check_size(self, scope: Scope) -> None:
        most = most_bytes(scope["path"], self._limits)
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > most:
                raise _too_large(most)

    def _note(self, visit: _Visit) -> None:
        """Write the request into the figures and the log; never its body."""
        route, seen, spent = visit.route, visit.seen, time.monotonic() - visit.began
        if route in _UNMEASURED:
            return
        self._metrics.answered(route, seen.model, visit.status, spent)
        if seen.code:
            self._metrics.rejected.labels(seen.code).inc()
        values: dict[str, Any] = {
            "id": visit.id, "route": route, "model": seen.model, "status": visit.status, "items": seen.items,
            "tokens_in": seen.prompt_tokens, "tokens_out": seen.written_tokens, "ms": round(spent * 1e3, 3),
            "queue_ms": round(seen.queue_s * 1e3, 3), "compute_ms": round(seen.compute_s * 1e3, 3),
            "finish": seen.finish, "key": seen.key, "code": seen.code,
        }  # fmt: skip
        log.info("%s", json.dumps({name: value for name, value in values.items() if value not in ("", 0)}))


class _Visit:
    """One request on its way."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: Limits) -> None:
        self._scope, self._receive, self._send, self._limits = scope, receive, send, limits
        self.seen = scope["penjing"] = Seen()
        self.id = _given_id(scope) or secrets.token_hex(16)
        self.began = time.monotonic()
        self.status = 0
        self._got, self._whole = 0, False
        self._refused: Problem | None = None
        self._over = False

    @property
    def route(self) -> str:
        """The route's path, with its parameters unfilled."""
        route = self._scope.get("route")
        return str(getattr(route, "path", "unknown"))

    async def receive(self) -> Message:
        """Return the next part of the body; one that is too large or too slow is refused."""
        if self._whole:
            return await self._receive()
        left = self._limits.receive_s - (time.monotonic() - self.began)
        try:
            async with asyncio.timeout(max(left, 0.0)):
                message = await self._receive()
        except TimeoutError:
            self._refused = Problem(408, "timeout_error", "receive_timeout", "The request did not arrive in time.")
            raise self._refused from None
        if message["type"] == "http.request":
            self._got += len(message.get("body", b""))
            most = most_bytes(self._scope["path"], self._limits)
            if self._got > most:
                self._refused = _too_large(most)
                raise self._refused
            self._whole = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the reply; its head says what it took. A refused body has the reply that says so."""
        if self._refused is not None:
            await self.refuse(self._refused)
        if self._over:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._add_headers(message)
        await self._send(message)

    async def refuse(self, problem: Problem) -> None:
        """Send what was wrong, where nothing was sent yet."""
        self.seen.code, self._refused = problem.code, None
        if self.status:
            return
        body = json.dumps(problem.body, ensure_ascii=False).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body)), **problem.headers}
        if not self._whole and self._scope["method"] in ("POST", "PUT", "PATCH"):
            headers["connection"] = "close"
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": problem.status, "headers": pairs})
        await self.send({"type": "http.response.body", "body": body})
        self._over = True

    def _add_headers(self, message: MutableMapping[str, Any]) -> None:
        spent_ms = (time.monotonic() - self.began) * 1e3
        found = {"x-request-id": self.id, "x-total-time": f"{spent_ms:.3f}", **self.seen.headers}
        pairs = [(name.encode(), value.encode()) for name, value in found.items()]
        if not self._scope["path"].startswith("/docs"):  # FastAPI's page brings scripts of its own
            pairs.append(_POLICY)
        message["headers"] = [*message.get("headers", []), *pairs, *_SECURITY]


def _given_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(text := value.decode("latin-1")):
            return str(text)
    return None


def most_bytes(path: str, limits: Limits) -> int:
    """Return how large the body of a request to `path` may be."""
    return limits.file_body_bytes if path in FILES else limits.body_bytes


def _too_large(most: int) -> Problem:
    message = f"The body must be at most {most:,} bytes."
    return Problem(413, "invalid_request_error", "payload_too_large", message)
