"""POST /v1/translate; and /translate and /languages as LibreTranslate has them, for its clients."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from penjing.languages import Language, language
from penjing.serve.batcher import Answered
from penjing.serve.problems import Problem, too_many
from penjing.serve.routes.classify import Served, check_texts
from penjing.serve.routes.seen import seen_of
from penjing.serve.settings import Limits
from penjing.serve.translator import TranslationService
from penjing.translation.documents.html import page_texts
from penjing.translation.model import Translation

router = APIRouter(tags=["translate"])
_AUTO = {None, "", "auto"}


class TranslateRequest(BaseModel):
    """One text or several."""

    model_config = ConfigDict(extra="forbid")

    input: str | list[str] = Field(description="One text, or several.", examples=["Save the file %s?"])
    model: str | None = Field(None, description="Needed where several models are served.")
    source: str | None = Field(None, description="The language of the texts; default: the model's.")
    target: str | None = Field(None, description="The language to translate into; default: the model's.")
    n_best: Annotated[int, Field(ge=1, le=16)] = Field(1, description="How many translations of each.")


class Translated(BaseModel):
    """One text translated, or what was wrong with it."""

    translation: str | None = None
    problem: str | None = Field(None, description="What did not survive, such as `lost %s`.")
    alternatives: list[str] = []
    score: float | None = Field(None, description="The mean log probability of a piece.")
    error: dict[str, Any] | None = None


class TranslateResponse(BaseModel):
    """One result a text, in order."""

    model: str
    source: str
    target: str
    results: list[Translated]
    usage: dict[str, int]


@router.post("/v1/translate")
async def translate(asked: TranslateRequest, request: Request, services: Served) -> TranslateResponse:
    """Return the translation of each text; one bad text fails alone."""
    service = services.translator(asked.model)
    pair = service.check_pair(_language(asked.source), _language(asked.target))
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    found = await _translated(service, texts, request, services.limits, n_best=asked.n_best)
    if isinstance(asked.input, str) and isinstance(found[0], Problem):
        raise found[0]
    return TranslateResponse(
        model=service.name,
        source=pair[0].code,
        target=pair[1].code,
        results=[_result(answer) for answer in found],
        usage={"prompt_tokens": seen_of(request).prompt_tokens},
    )


class LibreRequest(BaseModel):
    """A request as LibreTranslate takes it; a key goes into the Authorization header."""

    model_config = ConfigDict(extra="ignore")

    q: str | list[str]
    source: str | None = "auto"
    target: str | None = None
    format: Literal["text", "html"] = "text"
    alternatives: Annotated[int, Field(ge=0, le=15)] = 0


@router.post("/translate")
async def libre_translate(asked: LibreRequest, request: Request, services: Served) -> dict[str, Any]:
    """Translate as LibreTranslate does: `q` in, `translatedText` out; and `problems`, where something was lost."""
    service = services.translator(None)
    service.check_pair(_language(asked.source), _language(asked.target))
    texts = [asked.q] if isinstance(asked.q, str) else asked.q
    check_texts(texts, services.limits)
    pages = await asyncio.to_thread(lambda: [page_texts(text) for text in texts]) if asked.format == "html" else []
    wanted = [part for page in pages for part in page.texts] if pages else texts
    translations: list[Translation] = []
    for start in range(0, len(wanted), services.limits.items):
        part = wanted[start : start + services.limits.items]
        for answer in await _translated(service, part, request, services.limits, n_best=asked.alternatives + 1):
            if isinstance(answer, Problem):
                raise answer
            translations.append(answer.value)
    plain = [one.text for one in translations]
    if pages:
        rest = iter(plain)
        plain = [page.filled([next(rest) for _ in page.texts]) for page in pages]
    one = isinstance(asked.q, str)
    reply: dict[str, Any] = {"translatedText": plain[0] if one else plain}
    if asked.alternatives and not pages:
        others = [list(found.alternatives) for found in translations]
        reply["alternatives"] = others[0] if one else others
    if problems := [one.problem for one in translations if one.problem is not None]:
        reply["problems"] = problems
    return reply


@router.get("/languages")
async def languages(services: Served) -> list[dict[str, Any]]:
    """Return the languages of the model, as LibreTranslate does."""
    source, target = services.translator(None).pair
    return [{"code": source.code, "name": source.name, "targets": [target.code]}]


async def _translated(
    service: TranslationService, texts: list[str], request: Request, limits: Limits, *, n_best: int
) -> list[Answered[Translation] | Problem]:
    check_texts(texts, limits)
    if (given := sum(map(len, texts)) * n_best) > limits.characters:
        raise too_many("input", given=given, most=limits.characters)
    found = await service.translate(texts, n_best=n_best)
    seen, answers = seen_of(request), [answer for answer in found if isinstance(answer, Answered)]
    seen.model, seen.items = service.name, len(texts)
    seen.prompt_tokens = sum(service.tokens(answer.value.source) for answer in answers)
    seen.queue_s = max((answer.queue_s for answer in answers), default=0.0)
    seen.compute_s = max((answer.compute_s for answer in answers), default=0.0)
    return found


def _language(code: str | None) -> Language | None:
    return None if code is None or code in _AUTO else language(code)


def _result(answer: Answered[Translation] | Problem) -> Translated:
    if isinstance(answer, Problem):
        return Translated(error=answer.body["error"])
    found = answer.value
    return Translated(
        translation=found.text, problem=found.problem, alternatives=list(found.alternatives), score=found.score
    )
