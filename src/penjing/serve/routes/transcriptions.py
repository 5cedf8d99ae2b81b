"""POST /v1/audio/transcriptions: what a recording says, as OpenAI's route has it.

A recording is the field `file` of a form, or the body itself (Content-Type: audio/wav, …) with the rest in the query.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.datastructures import UploadFile

from penjing.serve.problems import invalid, unsupported
from penjing.serve.routes.classify import Served
from penjing.serve.routes.files import is_file
from penjing.serve.routes.seen import seen_of
from penjing.transcription.model import Transcript, Wish
from penjing.transcription.subtitles import as_srt, as_vtt

router = APIRouter(tags=["audio"])
_MOST_FIELDS, _MOST_FIELD_BYTES = 16, 10_000
_KNOWN = {"model", "language", "response_format", "timestamp_granularities[]", "timestamp_granularities", "stream"}
_HARMLESS = {"prompt": "", "temperature": "0"}
_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "model": {"type": "string"},
                        "language": {"type": "string"},
                        "response_format": {"enum": ["json", "text", "srt", "vtt", "verbose_json"]},
                    },
                }
            },
            "audio/*": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.post("/v1/audio/transcriptions", openapi_extra=_FORM)
async def transcribe(request: Request, services: Served) -> Response:
    """Return the text of a recording; with `response_format` verbose_json, srt or vtt its times too."""
    with services.file_room():
        fields, content = await _read(request)
        _check(fields)
        reply = _REPLIES.get(fields.get("response_format", "json"))
        if reply is None:
            raise invalid(f"`response_format` must be one of {', '.join(_REPLIES)}.", param="response_format")
        service = services.transcriber(fields.get("model") or None)
    began = time.monotonic()
    found, waited = await service.transcribe(content, Wish(fields.get("language") or None), request.is_disconnected)
    seen = seen_of(request)
    seen.model, seen.items, seen.queue_s = service.name, 1, waited
    seen.compute_s = time.monotonic() - began - waited
    return reply(found)


async def _read(request: Request) -> tuple[dict[str, str], bytes]:
    """Return the fields, and the recording."""
    if is_file(request, "audio"):
        return dict(request.query_params), await request.body()
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise invalid(
            "Send a form with a `file`, or a recording with its own Content-Type (audio/wav, …).", param="file"
        )
    async with request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=_MOST_FIELD_BYTES) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise invalid("`file` is missing.", param="file")
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        return fields, await file.read()


def _check(fields: Mapping[str, str]) -> None:
    """Refuse what would change the answer and cannot here."""
    for name, value in fields.items():
        if name in _KNOWN and not (name == "stream" and value.lower() not in {"", "false", "0"}):
            continue
        if name in _HARMLESS and value.strip() in {"", _HARMLESS[name], f"{_HARMLESS[name]}.0"}:
            continue
        raise unsupported(name)


def _verbose(found: Transcript) -> Response:
    segments = [{"id": number, **asdict(one)} for number, one in enumerate(found.segments)]
    return JSONResponse(
        {
            "task": "transcribe",
            "language": found.language or "en",
            "duration": found.duration_s,
            "text": found.text,
            "segments": segments,
        }
    )


_REPLIES: Mapping[str, Callable[[Transcript], Response]] = {
    "json": lambda found: JSONResponse({"text": found.text}),
    "text": lambda found: PlainTextResponse(found.text + "\n"),
    "srt": lambda found: PlainTextResponse(as_srt(found)),
    "vtt": lambda found: PlainTextResponse(as_vtt(found), media_type="text/vtt"),
    "verbose_json": _verbose,
}
