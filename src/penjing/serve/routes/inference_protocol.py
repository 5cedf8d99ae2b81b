"""The Open Inference Protocol (v2) for models that classify: texts in as BYTES, labels and probabilities out.

Source: KServe, open-inference-protocol, specification/protocol/inference_rest.md.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from penjing._version import __version__
from penjing.serve.problems import Problem, invalid
from penjing.serve.routes.classify import Served, classified
from penjing.serve.routes.operations import live, ready

router = APIRouter(prefix="/v2", tags=["inference protocol"])

_INPUT = "text"


class Tensor(BaseModel):
    """A tensor as JSON."""

    model_config = ConfigDict(extra="allow")

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class InferRequest(BaseModel):
    """Tensors to read."""

    model_config = ConfigDict(extra="allow")

    id: str | None = None
    inputs: list[Tensor]


@router.get("")
async def server() -> dict[str, Any]:
    """Return what the server is."""
    return {"name": "penjing", "version": __version__, "extensions": []}


@router.get("/health/live")
async def is_live() -> dict[str, str]:
    """Return 200 as long as the process answers."""
    return await live()


@router.get("/health/ready")
async def is_ready(services: Served) -> Response:
    """Return 200 where every model answers."""
    return await ready(services)


@router.get("/models/{name}")
async def model(name: str, services: Served) -> dict[str, Any]:
    """Return the tensors that a model takes and gives."""
    service = services.classifier(name)
    labels = len(service.manifest.outputs.labels)
    return {
        "name": service.name,
        "platform": service.manifest.engine,
        "inputs": [{"name": _INPUT, "datatype": "BYTES", "shape": [-1]}],
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP32", "shape": [-1, labels]},
        ],
        "parameters": {"labels": list(service.manifest.outputs.labels)},
    }


@router.get("/models/{name}/ready")
async def model_ready(name: str, services: Served) -> dict[str, Any]:
    """Return whether a model answers."""
    service = services.find(name)
    return {"name": service.name, "ready": service.healthy}


@router.post("/models/{name}/infer")
async def infer(name: str, asked: InferRequest, request: Request, services: Served) -> dict[str, Any]:
    """Return label and probabilities of each text; one that cannot be read fails the request, which is one tensor."""
    service = services.classifier(name)
    texts = _texts(asked)
    found = await classified(service, texts, request, services.limits, truncate=False)
    for answer in found:
        if isinstance(answer, Problem):
            raise answer
    labels = service.manifest.outputs.labels
    predictions = [answer.value.prediction for answer in found if not isinstance(answer, Problem)]
    data = [prediction.scores[label] for prediction in predictions for label in labels]
    return {
        "model_name": service.name,
        "id": asked.id,
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [len(texts)], "data": [p.label for p in predictions]},
            {"name": "probabilities", "datatype": "FP32", "shape": [len(texts), len(labels)], "data": data},
        ],
    }


def _texts(asked: InferRequest) -> list[str]:
    rule = f"`inputs` holds one BYTES tensor `{_INPUT}` of shape [n], its data n texts."
    if len(asked.inputs) != 1:
        raise invalid(rule, param="inputs")
    tensor = asked.inputs[0]
    texts = [found for found in tensor.data if isinstance(found, str)]
    wrong = tensor.name != _INPUT or tensor.datatype != "BYTES" or len(texts) != len(tensor.data)
    if wrong or tensor.shape not in ([len(texts)], [len(texts), 1]):
        raise invalid(rule, param="inputs")
    return texts
