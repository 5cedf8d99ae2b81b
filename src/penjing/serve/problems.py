"""What a client is told when something is wrong: one envelope, OpenAI's, on every route and in every stream.

{"error": {"message": …, "type": …, "param": …, "code": …}}
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from penjing.errors import DataError, EngineError, PenjingError, TaskError

log = logging.getLogger("penjing.serve")


class Said(BaseModel):
    """What is wrong: a sentence, its kind, the field that it is about, and a word for programs."""

    message: str
    type: str
    param: str | None
    code: str | None


class Envelope(BaseModel):
    """The body of every error."""

    error: Said


@dataclass
class Problem(Exception):  # noqa: N818 (HTTP's own word for it, RFC 9457)
    """A problem with its HTTP status."""

    status: int
    type: str
    code: str
    message: str
    param: str | None = None
    retry_after_s: float | None = None

    def __str__(self) -> str:
        return self.message

    @property
    def body(self) -> dict[str, Any]:
        """The envelope."""
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    @property
    def headers(self) -> dict[str, str]:
        """Retry-After in whole seconds, at least one, and what a status asks for."""
        found = {} if self.retry_after_s is None else {"Retry-After": str(max(1, math.ceil(self.retry_after_s)))}
        return found | ({"WWW-Authenticate": "Bearer"} if self.status == 401 else {})


def invalid(message: str, *, param: str | None = None, code: str = "invalid_value") -> Problem:
    """Return the problem of a request that cannot be meant."""
    return Problem(400, "invalid_request_error", code, message, param)


def unsupported(param: str) -> Problem:
    """Return the problem of a known parameter that would change the answer and cannot here."""
    return invalid(f"`{param}` is not supported here. Leave it out.", param=param, code="unsupported_parameter")


def too_many(param: str, *, given: int, most: int) -> Problem:
    """Return the problem of a number over its limit."""
    return invalid(f"`{param}` must be at most {most:,}. Given: {given:,}.", param=param, code="limit_exceeded")


def too_long(*, given: int, most: int, param: str) -> Problem:
    """Return the problem of a text that the model cannot read whole."""
    message = f"The text has {given:,} tokens, and this model reads {most:,}. Shorten it, or send truncate=true."
    return invalid(message, param=param, code="context_length_exceeded")


def unknown_model(name: str, served: list[str]) -> Problem:
    """Return the problem of a model that is not served."""
    message = f"There is no model {name[:100]!r} here. Served: {', '.join(served)}."
    return Problem(404, "invalid_request_error", "model_not_found", message, "model")


def wrong_kind(name: str, kind: str) -> Problem:
    """Return the problem of a model that was asked for what it does not do."""
    what = {"image": "for pictures", "audio": "for sounds", "fused": "for several inputs"}.get(kind, f"made to {kind}")
    return invalid(f"The model {name!r} is {what}.", param="model", code="wrong_kind")


def full(*, waiting: int, most: int, what: str, retry_after_s: float) -> Problem:
    """Return the problem of a queue without room; trying again is right."""
    message = f"The queue is full: {waiting:,} {what} wait, {most:,} may. Try again later."
    return Problem(429, "rate_limit_error", "queue_full", message, retry_after_s=retry_after_s)


def unavailable(code: str, message: str, *, retry_after_s: float = 1.0) -> Problem:
    """Return the problem of a server that is loading, draining, or without its engine."""
    return Problem(503, "service_unavailable", code, message, retry_after_s=retry_after_s)


def late(deadline_s: float) -> Problem:
    """Return the problem of an answer that did not come in time."""
    return Problem(504, "timeout_error", "deadline_passed", f"No answer within {deadline_s:g} s.")


def failed(message: str = "The model failed on this request.") -> Problem:
    """Return the problem that is ours."""
    return Problem(500, "server_error", "internal_error", message)


def of_error(error: PenjingError) -> Problem:
    """Return what a client is told of an error of ours."""
    if isinstance(error, TaskError | DataError):
        return invalid(str(error))
    if isinstance(error, EngineError) and "longer than the context" in error.what:
        return invalid(str(error), code="context_length_exceeded")
    if isinstance(error, EngineError) and "refuses" in error.what:
        return invalid(str(error))
    log.error("%s", error)
    return failed()
