"""A transformers pipeline behind FastAPI, as tutorials have it: python -m benchmarks.http.pipeline_app FOLDER PORT."""

from __future__ import annotations

import sys
from typing import Any

import torch
import uvicorn
from fastapi import FastAPI
from transformers import pipeline

app = FastAPI()


@app.post("/predict")
def predict(request: dict[str, Any]) -> dict[str, list[str]]:
    """Return the labels of the texts."""
    found = app.state.classify(request["input"], truncation=True)
    return {"labels": [one["label"] for one in found]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    app.state.classify = pipeline("text-classification", model=sys.argv[1], device="cpu")
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
