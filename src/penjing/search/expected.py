"""What the plan would have said of the teacher, beside what was measured of it: so that estimates stay honest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from penjing.errors import ModelError
from penjing.estimate.formats import file_bytes
from penjing.estimate.inference import inference_memory
from penjing.estimate.tensors import read_model
from penjing.estimate.value import Estimate, exact
from penjing.estimate.work import forward, training
from penjing.measure.compute import this_device
from penjing.records import Trial
from penjing.report.model import Expectation, Figure
from penjing.search.context import Context
from penjing.select.resources import answer_seconds, training_seconds
from penjing.train.cached_folder import default_cache
from penjing.train.model_folder import read_config


def expectations(context: Context, teacher: Trial) -> tuple[Expectation, ...]:
    """Return the teacher's expected and measured figures; none where its architecture cannot be estimated."""
    try:
        model = read_model(read_config(context.model.folder))
    except ModelError:
        return ()
    whole = this_device(default_cache())
    share = min(1.0, context.task.budget.threads / (whole.cores or 1))
    here = whole.model_copy(update={"float32": whole.float32 * share})
    lengths = context.tokens["train"].lengths
    tokens = max(1, round(float(np.median(context.tokens["dev"].lengths))))
    expected: dict[Figure, tuple[Estimate, float | None]] = {
        "size": (exact(file_bytes(model, "float32"), "bytes", "4 a weight"), teacher.size_bytes),
        "memory": (
            inference_memory(
                model, format_="float32", tokens=tokens, batch=context.task.budget.batch_size, engine="onnxruntime"
            )["all"],
            teacher.memory_bytes,
        ),
        "answer": (
            answer_seconds(forward(model, tokens=tokens), here, int8=False),
            teacher.latency.p50_s if teacher.latency and teacher.latency.batch_size == 1 else None,
        ),
    }
    epochs = _epochs(teacher)
    if epochs is not None and context.task.budget.train_time is None and context.device.name == "cpu":
        work = training(model, tokens=round(float(lengths.mean()))) * len(lengths) * epochs
        expected["training"] = (training_seconds(work, whole), teacher.train_s)
    return tuple(
        Expectation(figure=figure, value=found.value, low=found.low, high=found.high, measured=measured)
        for figure, (found, measured) in expected.items()
        if measured
    )


def _epochs(trial: Trial) -> float | None:
    """Return how often the teacher saw each text."""
    found: Sequence[float] = [
        float(step.values["epochs"]) for step in trial.recipe if step.name == "fine-tune" and "epochs" in step.values
    ]
    return found[0] if found else None
