"""One fine-tuning in a process of its own: `python -m benchmarks.foreseen.train_one NUMBER` prints what it took."""

from __future__ import annotations

import json
import resource
import sys
import time
from statistics import median
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig
from transformers.utils import logging

from benchmarks.foreseen.shapes import SHAPES, TRAININGS, Training

THREADS, STEPS = 2, 5


def main() -> None:
    """Train some steps and print the peak of memory and the seconds of a step."""
    logging.set_verbosity_error()
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    case = TRAININGS[int(sys.argv[1])]
    model = _model(case)
    model.train()
    learned = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=1e-5, fused=True)
    inputs = _inputs(case)
    seconds = []
    for _ in range(STEPS + 1):
        began = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        model(**inputs).loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    parameters = sum(value.numel() for value in model.parameters())
    print(json.dumps({"peak_bytes": peak, "step_s": median(seconds[1:]), "steps": seconds[1:], "of": parameters}))


def _model(case: Training) -> Any:
    from transformers import (
        AutoModelForCausalLM,
        AutoModelForImageClassification,
        AutoModelForSeq2SeqLM,
        AutoModelForSequenceClassification,
    )

    values = dict(SHAPES[case.shape])
    kind = values.pop("model_type")
    config = AutoConfig.for_model(kind, **values, use_cache=False)
    makers: dict[str, Any] = {
        "gpt2": AutoModelForCausalLM,
        "llama": AutoModelForCausalLM,
        "vit": AutoModelForImageClassification,
        "m2m_100": AutoModelForSeq2SeqLM,
    }
    model = makers.get(kind, AutoModelForSequenceClassification).from_config(config)
    if case.checkpointing:
        model.gradient_checkpointing_enable()
    if case.lora_rank is not None:
        from peft import LoraConfig, get_peft_model

        model = get_peft_model(model, LoraConfig(r=case.lora_rank, target_modules=["q_proj", "v_proj"]))
    return model


def _inputs(case: Training) -> dict[str, Tensor]:
    values, labels = SHAPES[case.shape], torch.zeros(case.batch, dtype=torch.long)
    if values["model_type"] == "vit":
        side = values["image_size"]
        return {
            "pixel_values": torch.randn(case.batch, 3, side, side),
            "labels": torch.zeros(case.batch, dtype=torch.long),
        }
    ids = torch.randint(5, values["vocab_size"], (case.batch, case.tokens))
    if values["model_type"] in {"gpt2", "llama", "m2m_100"}:
        return {"input_ids": ids, "labels": ids}
    return {"input_ids": ids, "labels": labels}


if __name__ == "__main__":
    main()
