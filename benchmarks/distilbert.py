"""The recipe of DistilBERT on the same teacher: every second layer, its three losses, then onnxruntime's int8.

Source: Sanh et al. 2019, "DistilBERT, a distilled version of BERT" (half of the layers, taken alternately from the
teacher; soft targets at temperature 2, the labels, and the cosine of the hidden states), here on the task itself, for
as many passes as the teacher had.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from penjing.export.onnx import encoder_to_onnx
from penjing.search.context import Context
from penjing.search.models import dev_score, supervised
from penjing.search.precision import arrays_of
from penjing.shrink.structure import keep_blocks
from penjing.train.batches import Indices
from penjing.train.checkpoint import load_encoder, save_encoder
from penjing.train.encoder import Encoder, Output
from penjing.train.loop import Loss, train
from penjing.train.pace import TrainPlan
from penjing.train.predict import answers_of
from penjing.train.state import StateFile

_TEMPERATURE, _SOFT, _HARD, _COSINE = 2.0, 5.0, 2.0, 1.0  # the weights of the authors' training script
_RATE = 1e-4


def distilled(context: Context, teacher: Encoder, folder: Path, *, epochs: float) -> Encoder:
    """Return the student, trained once and kept in `folder`."""
    if (folder / "shape.json").is_file():
        return load_encoder(folder)
    student = keep_blocks(teacher, range(0, teacher.shape.layers, 2))
    plan = TrainPlan(epochs=epochs, learning_rate=_RATE, seed=context.seed)
    folder.mkdir(parents=True, exist_ok=True)
    train(
        student,
        tokens=context.tokens["train"],
        loss=_loss(context, teacher),
        evaluate=lambda model: dev_score(context, model),
        plan=plan,
        device=context.device,
        state_file=StateFile(folder / "state.safetensors"),
        report=lambda progress: None,
    )
    save_encoder(student.cpu(), folder)
    (folder / "state.safetensors").unlink(missing_ok=True)
    return student


def _loss(context: Context, teacher: Encoder) -> Loss:
    said = answers_of(teacher, context.tokens["train"], device=context.device)
    hard = supervised(context, context.truth["train"])

    def loss(output: Output, indices: Indices) -> Tensor:
        logits, rows = output.logits.float(), torch.from_numpy(indices)
        soft = F.kl_div(
            F.log_softmax(logits / _TEMPERATURE, dim=-1),
            F.softmax(said.logits[rows] / _TEMPERATURE, dim=-1),
            reduction="batchmean",
        )
        cosine = 1 - F.cosine_similarity(output.pooled.float(), said.pooled[rows].float(), dim=-1).mean()
        return _SOFT * soft * _TEMPERATURE**2 + _HARD * hard(output, indices) + _COSINE * cosine

    return loss


def exported(student: Encoder, path: Path) -> Path:
    """Write the student as a float32 ONNX file."""
    import onnx

    onnx.save(encoder_to_onnx(student.shape, arrays_of(student)), path)
    return path
