"""For operators and their tools: health, metrics, what is served, and how many tokens a text has."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict

from penjing._version import __version__
from penjing.bundle.golden import GOLDEN_NAME
from penjing.bundle.read import LABELLING
from penjing.memory import resident_memory
from penjing.serve.metrics import CONTENT_TYPE, Metrics
from penjing.serve.problems import invalid
from penjing.serve.routes.classify import Served, check_texts
from penjing.serve.services import Service

router = APIRouter(tags=["operations"])


@router.get("/health/live")
async def live() -> dict[str, str]:
    """Return 200 as long as the process answers."""
    return {"status": "live"}


@router.get("/health/ready")
async def ready(services: Served) -> Response:
    """Return 200 where every model answers, 503 while one is loading, failed, or the server is ending."""
    problem = services.problem
    if problem is None:
        return JSONResponse({"status": "ready"})
    return JSONResponse({"status": problem.code, **problem.body}, 503, headers=problem.headers)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request, services: Served) -> Response:
    """Return the figures that Prometheus reads; no engine is asked for them."""
    found: Metrics = services.metrics
    for service in services:
        found.waiting.labels(service.name).set(service.waiting)
    found.memory.set(resident_memory())
    return Response(found.page(), media_type=CONTENT_TYPE)


@router.get("/info")
async def info(services: Served) -> dict[str, Any]:
    """Return what was delivered: each model's task, size, measured quality, verdict, origin and licence."""
    limits = services.limits
    return {
        "penjing": __version__,
        "models": [_facts(service) for service in services],
        "limits": {name: getattr(limits, name) for name in limits.__dataclass_fields__},
    }


def _facts(service: Service) -> dict[str, Any]:
    manifest = service.manifest
    found: dict[str, Any] = {
        "id": service.name,
        "task": manifest.kind,
        "name": manifest.name,
        "engine": manifest.engine,
        "created": manifest.created,
        "size_bytes": sum(entry.size_bytes for name, entry in manifest.files.items() if name != GOLDEN_NAME),
        "parameters": manifest.parameters,
        "quality": {split: quality.model_dump(mode="json") for split, quality in manifest.quality.items()},
        "provisional": manifest.provisional,
        "verdict": None if manifest.verdict is None else manifest.verdict.model_dump(mode="json"),
        "trial": manifest.trial,
        "metric": next((quality.metric for quality in manifest.quality.values()), None),
        "trials": [found.model_dump(mode="json") for found in manifest.trials],
        "origin": None if manifest.origin is None else manifest.origin.model_dump(mode="json"),
    }
    if manifest.kind in LABELLING:
        if manifest.kind == "fused":
            found["inputs"] = [
                {name: one[name] for name in ("name", "kind", "values") if name in one}
                for one in manifest.input["inputs"]
            ]
        found |= {"labels": list(manifest.outputs.labels), "batch_items": getattr(service, "batch_items", 1)}
    elif manifest.kind == "transcribe":
        found["languages"] = list(getattr(service, "languages", ()))
    elif manifest.kind == "translate":
        found |= {name: manifest.input[name] for name in ("source_lang", "target_lang")}
    else:
        found["format"] = manifest.input["format"]
    return found


@router.post("/admin/reload")
async def reload(request: Request) -> dict[str, dict[str, str]]:
    """Load every model again from its files; one that cannot be loaded or checked stays as it was, and says why."""
    reloader = getattr(request.app.state, "reloader", None)
    if reloader is None:
        raise invalid("The models of this server cannot be loaded again.", code="not_reloadable")
    return {"models": await reloader.reload()}


class TokenizeRequest(BaseModel):
    """A text to count."""

    model_config = ConfigDict(extra="forbid")

    input: str
    model: str | None = None


class TokenizeResponse(BaseModel):
    """How many tokens it has."""

    model: str
    tokens: int


@router.post("/tokenize")
async def tokenize(asked: TokenizeRequest, services: Served) -> TokenizeResponse:
    """Return how many tokens a text has, nothing cut off."""
    service = services.find(asked.model)
    check_texts([asked.input], services.limits)
    return TokenizeResponse(model=service.name, tokens=await asyncio.to_thread(service.tokens, asked.input))
