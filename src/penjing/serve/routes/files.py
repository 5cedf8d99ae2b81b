"""POST /v1/images/classify and /v1/audio/classify: labels of a file with their probabilities, the most probable first.

A file is the body itself (Content-Type: image/png, audio/wav, …), or base64 in JSON, with or without
"data:image/png;base64,". Addresses are not fetched.
"""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from penjing.serve.batcher import Answered
from penjing.serve.classifier import Labelled
from penjing.serve.files import FileClassifier, FileKind, Row
from penjing.serve.problems import Problem, invalid, too_many
from penjing.serve.routes.classify import Result, Served, result_of
from penjing.serve.routes.seen import seen_of
from penjing.serve.services import Services
from penjing.serve.settings import Limits

router = APIRouter()


class _FileRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(None, description="Needed where several models for such files are served.")
    top: Annotated[int | None, Field(ge=1)] = Field(None, description="How many labels to return; default: all.")


class ImageRequest(_FileRequest):
    """One picture or several."""

    image: str | list[str] = Field(description="A picture's file in base64, or several.")


class AudioRequest(_FileRequest):
    """One sound or several."""

    audio: str | list[str] = Field(description="A sound's file in base64, or several.")


class FileResponse(BaseModel):
    """One result a file, in order."""

    model: str
    results: list[Result]


def _body(kind: FileKind, schema: type[BaseModel]) -> dict[str, Any]:
    """Return what the documentation says of a body that is JSON or a file."""
    file = {"type": "string", "format": "binary"}
    content = {"application/json": {"schema": schema.model_json_schema()}, f"{kind}/*": {"schema": file}}
    return {"requestBody": {"required": True, "content": content}}


Top = Annotated[int | None, Query(ge=1, description="As in the JSON body.")]


@router.post("/v1/images/classify", openapi_extra=_body("image", ImageRequest), tags=["images"])
async def classify_image(request: Request, services: Served, model: str | None = None, top: Top = None) -> FileResponse:
    """Return the labels of each picture, the most probable first; one that cannot be read fails alone."""
    return await _classify("image", ImageRequest, request, services, model=model, top=top)


@router.post("/v1/audio/classify", openapi_extra=_body("audio", AudioRequest), tags=["audio"])
async def classify_audio(request: Request, services: Served, model: str | None = None, top: Top = None) -> FileResponse:
    """Return the labels of each sound, the most probable first; one that cannot be read fails alone."""
    return await _classify("audio", AudioRequest, request, services, model=model, top=top)


Asked = TypeVar("Asked", ImageRequest, AudioRequest)
Schema = TypeVar("Schema", bound=BaseModel)


async def _classify(
    kind: FileKind, schema: type[Asked], request: Request, services: Services, *, model: str | None, top: int | None
) -> FileResponse:
    with services.file_room():
        alone = True
        if is_file(request, kind):
            files: list[bytes | Problem] = [await request.body()]
        else:
            asked = await asyncio.to_thread(parsed, schema, await request.body())
            model, top = asked.model or model, asked.top or top
            given: str | list[str] = getattr(asked, kind)
            alone = isinstance(given, str)
            files = [decoded_file(text, kind) for text in ([given] if isinstance(given, str) else given)]
        service = services.files(model, kind)
        found = await answer_files(service, files, request, services.limits)
    if alone and isinstance(found[0], Problem):
        raise found[0]
    return FileResponse(model=service.name, results=[result_of(answer, top=top) for answer in found])


def is_file(request: Request, kind: FileKind) -> bool:
    """Return whether the body itself is a file of that kind."""
    found: str = request.headers.get("content-type", "")
    return found.partition(";")[0].strip().lower().startswith(f"{kind}/")


def parsed(schema: type[Schema], body: bytes) -> Schema:
    """Return the body as `schema` has it; Problem where it is none."""
    try:
        return schema.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            raise invalid(
                "The body is not JSON. Send a file with its own Content-Type (image/png, audio/wav, …), or JSON.",
                code="invalid_json",
            ) from None
        where = str(first["loc"][0]) if first["loc"] else None
        raise invalid(f"`{where or 'body'}`: {first['msg']}.", param=where) from None


def decoded_file(text: str, kind: FileKind) -> bytes | Problem:
    """Return the bytes of base64, after a data URL's head where there is one."""
    if text.startswith(("http:", "https:", "file:")):
        return invalid("Addresses are not fetched. Send the file itself.", param=kind, code=f"invalid_{kind}")
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return invalid(f"`{kind}` is not base64.", param=kind, code=f"invalid_{kind}")


async def answer_files(
    service: FileClassifier, files: Sequence[bytes | Row | Problem], request: Request, limits: Limits
) -> list[Answered[Labelled] | Problem]:
    """Return an answer, or what went wrong, for each file, once they are within the limits."""
    if not files:
        raise invalid(f"`{service.kind}` holds no file.", param=service.kind)
    if len(files) > limits.items:
        raise too_many(service.kind, given=len(files), most=limits.items)
    found = await service.classify_files(files)
    seen, answers = seen_of(request), [answer for answer in found if isinstance(answer, Answered)]
    seen.model, seen.items = service.name, len(files)
    seen.queue_s = max((answer.queue_s for answer in answers), default=0.0)
    seen.compute_s = max((answer.compute_s for answer in answers), default=0.0)
    return found
