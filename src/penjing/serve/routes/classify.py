"""POST /v1/classify: labels with their probabilities, the most probable first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from penjing.serve.batcher import Answered
from penjing.serve.classifier import Classifier, Labelled
from penjing.serve.problems import Problem, invalid, too_many
from penjing.serve.routes.seen import seen_of
from penjing.serve.services import Services
from penjing.serve.settings import Limits

router = APIRouter(tags=["classify"])


class ClassifyRequest(BaseModel):
    """One text or several."""

    model_config = ConfigDict(extra="forbid")

    input: str | list[str] = Field(description="One text, or several.", examples=["我非常喜欢人工智能。"])
    model: str | None = Field(None, description="Needed where several models are served.")
    truncate: bool = Field(False, description="Cut texts that the model cannot read whole, and say so.")
    top: Annotated[int | None, Field(ge=1)] = Field(None, description="How many labels to return; default: all.")


class LabelScore(BaseModel):
    """A label and its calibrated probability."""

    label: str
    score: float


class Result(BaseModel):
    """The answer to one text, or what was wrong with it."""

    label: str | None = None
    labels: list[LabelScore] = []
    truncated: bool = False
    error: dict[str, Any] | None = None


class ClassifyResponse(BaseModel):
    """One result a text, in order."""

    model: str
    results: list[Result]
    usage: dict[str, int]


async def services_of(request: Request) -> Services:
    """Return what is served; a coroutine, for FastAPI calls what is none in a thread."""
    found: Services = request.app.state.services
    return found


Served = Annotated[Services, Depends(services_of)]


@router.post("/v1/classify")
async def classify(asked: ClassifyRequest, request: Request, services: Served) -> ClassifyResponse:
    """Return the labels of each text, the most probable first; one bad text fails alone."""
    service = services.classifier(asked.model)
    texts = [asked.input] if isinstance(asked.input, str) else asked.input
    found = await classified(service, texts, request, services.limits, truncate=asked.truncate)
    if isinstance(asked.input, str) and isinstance(found[0], Problem):
        raise found[0]
    results = [result_of(answer, top=asked.top) for answer in found]
    return ClassifyResponse(
        model=service.name, results=results, usage={"prompt_tokens": seen_of(request).prompt_tokens}
    )


async def classified(
    service: Classifier, texts: list[str], request: Request, limits: Limits, *, truncate: bool
) -> list[Answered[Labelled] | Problem]:
    """Return an answer, or what went wrong, for each of `texts`, once they are within the limits."""
    check_texts(texts, limits)
    found = await service.classify(texts, truncate=truncate)
    seen, answers = seen_of(request), [answer for answer in found if isinstance(answer, Answered)]
    seen.model, seen.items = service.name, len(texts)
    seen.prompt_tokens = sum(answer.value.tokens for answer in answers)
    seen.queue_s = max((answer.queue_s for answer in answers), default=0.0)
    seen.compute_s = max((answer.compute_s for answer in answers), default=0.0)
    return found


def check_texts(texts: list[str], limits: Limits) -> None:
    """Raise Problem where there are no texts, too many, or one that is too long or no text."""
    if not texts:
        raise invalid("`input` holds no text.", param="input")
    if len(texts) > limits.items:
        raise too_many("input", given=len(texts), most=limits.items)
    longest = max(map(len, texts))
    if longest > limits.characters:
        raise too_many("input", given=longest, most=limits.characters)
    check_characters(texts, param="input")


def check_characters(texts: Iterable[str], *, param: str) -> None:
    """Raise Problem where a text holds half a character, which is no text."""
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError:
        raise invalid(f"`{param}` holds half a character (a lone surrogate).", param=param) from None


def result_of(answer: Answered[Labelled] | Problem, *, top: int | None) -> Result:
    """Return an answer, or what went wrong, as it is said."""
    if isinstance(answer, Problem):
        return Result(error=answer.body["error"])
    found = answer.value.prediction
    ordered = sorted(found.scores.items(), key=lambda pair: -pair[1])[:top]
    labels = [LabelScore(label=label, score=score) for label, score in ordered]
    return Result(label=found.label, labels=labels, truncated=answer.value.cut)
