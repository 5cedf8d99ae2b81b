"""POST /v1/fused/classify: labels of rows with several inputs; what is missing is said.

Pictures and sounds are base64, with or without "data:image/png;base64,". Addresses and paths are not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from penjing.engines.mixed_inputs import AudioInput, ImageInput, Input
from penjing.serve.batcher import Answered
from penjing.serve.classifier import Labelled
from penjing.serve.problems import Problem, invalid
from penjing.serve.routes.classify import Result, Served, result_of
from penjing.serve.routes.files import answer_files, decoded_file, parsed

router = APIRouter(tags=["fused"])
Row = dict[str, str | bool | int | float | None]


class FusedRequest(BaseModel):
    """One row or several: names of inputs with their values; what is not there counts as missing."""

    model_config = ConfigDict(extra="forbid")

    inputs: Row | list[Row] = Field(description="One row, or several.", examples=[{"note": "很好", "price": 12.5}])
    model: str | None = Field(None, description="Needed where several models are served.")
    top: Annotated[int | None, Field(ge=1)] = Field(None, description="How many labels to return; default: all.")


class FusedResult(Result):
    """The answer to one row, with what it lacks."""

    missing: list[str] = []


class FusedResponse(BaseModel):
    """One result a row, in order."""

    model: str
    results: list[FusedResult]


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": FusedRequest.model_json_schema()}},
    }
}


@router.post("/v1/fused/classify", openapi_extra=_BODY)
async def classify_fused(request: Request, services: Served) -> FusedResponse:
    """Return the labels of each row, the most probable first; one that cannot be read fails alone."""
    with services.file_room():
        asked = await asyncio.to_thread(parsed, FusedRequest, await request.body())
        service = services.files(asked.model, "fused")
        given = asked.inputs if isinstance(asked.inputs, list) else [asked.inputs]
        rows = [_row(one, service.reads) for one in given]
        found = await answer_files(service, rows, request, services.limits)
    if not isinstance(asked.inputs, list) and isinstance(found[0], Problem):
        raise found[0]
    return FusedResponse(model=service.name, results=[_result(answer, asked.top) for answer in found])


def _row(row: Row, reads: tuple[Input, ...]) -> dict[str, Any] | Problem:
    """Return the row with the contents of its files."""
    found: dict[str, Any] = dict(row)
    for one in reads:
        value = found.get(one.name)
        if value is None or not isinstance(one, ImageInput | AudioInput):
            continue
        if not isinstance(value, str):
            return invalid(f"`{one.name}` is not base64.", param=one.name)
        content = decoded_file(value, one.kind)
        if isinstance(content, Problem):
            return content
        found[one.name] = content or None
    return found


def _result(answer: Answered[Labelled] | Problem, top: int | None) -> FusedResult:
    plain: Mapping[str, Any] = result_of(answer, top=top).model_dump()
    missing = [] if isinstance(answer, Problem) else list(answer.value.prediction.missing)
    return FusedResult(**plain, missing=missing)
