"""POST /v1/images/classify: labels of a picture with their probabilities, the most probable first.

A picture is the body itself (Content-Type: image/png, …), or base64 in JSON, with or without "data:image/png;base64,".
Addresses are not fetched.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from penjing.serve.batcher import Answered
from penjing.serve.classifier import Labelled
from penjing.serve.pictures import PictureClassifier
from penjing.serve.problems import Problem, invalid, too_many
from penjing.serve.routes.classify import Result, Served, result_of
from penjing.serve.routes.seen import seen_of
from penjing.serve.settings import Limits

router = APIRouter(tags=["images"])
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/ImageRequest"}},
            "image/*": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class ImageRequest(BaseModel):
    """One picture or several."""

    model_config = ConfigDict(extra="forbid")

    image: str | list[str] = Field(description="A picture's file in base64, or several.")
    model: str | None = Field(None, description="Needed where several models for pictures are served.")
    top: Annotated[int | None, Field(ge=1)] = Field(None, description="How many labels to return; default: all.")


class ImageResponse(BaseModel):
    """One result a picture, in order."""

    model: str
    results: list[Result]


Top = Annotated[int | None, Query(ge=1, description="As in the JSON body.")]


@router.post("/v1/images/classify", openapi_extra=_BODY)
async def classify_image(
    request: Request, services: Served, model: str | None = None, top: Top = None
) -> ImageResponse:
    """Return the labels of each picture, the most probable first; one that cannot be read fails alone."""
    with services.picture_room():
        if request.headers.get("content-type", "").partition(";")[0].strip().lower().startswith("image/"):
            files: list[bytes | Problem] = [await request.body()]
            alone = True
        else:
            asked = _asked(await request.body())
            model, top = asked.model or model, asked.top or top
            alone = isinstance(asked.image, str)
            files = [picture_file(text) for text in ([asked.image] if isinstance(asked.image, str) else asked.image)]
        service = services.pictures(model)
        found = await answer_pictures(service, files, request, services.limits)
    if alone and isinstance(found[0], Problem):
        raise found[0]
    return ImageResponse(model=service.name, results=[result_of(answer, top=top) for answer in found])


def _asked(body: bytes) -> ImageRequest:
    try:
        return ImageRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            raise invalid(
                "The body is not JSON. Send a picture with Content-Type: image/png, or JSON.", code="invalid_json"
            ) from None
        where = str(first["loc"][0]) if first["loc"] else None
        raise invalid(f"`{where or 'body'}`: {first['msg']}.", param=where) from None


def picture_file(text: str) -> bytes | Problem:
    """Return the bytes of base64, after a data URL's head where there is one."""
    if text.startswith(("http:", "https:", "file:")):
        return invalid("Addresses are not fetched. Send the picture itself.", param="image", code="invalid_image")
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return invalid("`image` is not base64.", param="image", code="invalid_image")


async def answer_pictures(
    service: PictureClassifier, files: list[bytes | Problem], request: Request, limits: Limits
) -> list[Answered[Labelled] | Problem]:
    """Return an answer, or what went wrong, for each picture's file, once they are within the limits."""
    if not files:
        raise invalid("`image` holds no picture.", param="image")
    if len(files) > limits.items:
        raise too_many("image", given=len(files), most=limits.items)
    found = await service.classify_pictures(files)
    seen, answers = seen_of(request), [answer for answer in found if isinstance(answer, Answered)]
    seen.model, seen.items = service.name, len(files)
    seen.queue_s = max((answer.queue_s for answer in answers), default=0.0)
    seen.compute_s = max((answer.compute_s for answer in answers), default=0.0)
    return found
